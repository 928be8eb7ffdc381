"""The lock of ``$LANDFORM_HOME``: one Landform, or one restore, at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import ConfigurationError

LOCK = "landform.lock"


@contextmanager
def hold_lock_of(home: Path) -> Iterator[None]:
    """Hold the lock of ``home``; the kernel releases it however this process ends.

    Raises:
        ConfigurationError: another Landform holds it.
        OSError: the folder cannot be written.
    """
    with (home / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise ConfigurationError(
                f"Landform already runs with LANDFORM_HOME={home} (process "
                f"{file.read().strip() or 'unknown'}): stop it first, or give this one another "
                "LANDFORM_HOME."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
