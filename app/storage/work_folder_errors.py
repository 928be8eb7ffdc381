"""What can be wrong with the work folder as a whole, or with one of its run directories."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import UnavailableError


class WorkFolderError(UnavailableError):
    code = "work_folder_unusable"
    title = "The work folder cannot be used"
    advice = "Make room in LANDFORM_WORK_ROOT, or let Landform's user write there; work resumes."


@contextmanager
def naming_folder(path: Path) -> Iterator[None]:
    """Have what the system refuses inside say which run directory cannot be written, and why.

    Raises:
        UnavailableError: in place of an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise UnavailableError(
            f"The run directory {path} cannot be written ({reason}): "
            + ("make room there" if full else "let Landform's user write there")
            + ", or set LANDFORM_WORK_ROOT to another folder."
        ) from error
