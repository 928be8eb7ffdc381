"""Reads what Terraform left in its run directory, as something that another user wrote.

A module may put a link, a pipe or somebody else's file where a state is expected. Landform holds
more rights than Terraform, so it must not be led by one.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from app.domain.state_errors import StateError


def read_plain(path: Path) -> bytes:
    """Return the content of a plain file, never through a link and never waiting for a writer.

    Raises:
        FileNotFoundError: there is none, or a folder above it is gone or replaced.
        StateError: something else is in its place.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except NotADirectoryError as error:
        raise FileNotFoundError(error.errno, error.strerror, error.filename) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise StateError(f"{path.name} in the run directory is not a plain file.") from error
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            raise StateError(f"{path.name} in the run directory is not a plain file.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)
