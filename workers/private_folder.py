"""Folders for sockets: this user's alone, also where everybody may make folders."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from app.errors import ConfigurationError


def make_private(folder: Path, whose: str) -> None:
    """Make ``folder`` for this user only; the temporary folder may hold somebody's trap.

    Args:
        folder: made with its parents if missing; its mode becomes 0700.
        whose: who needs it, for the message.

    Raises:
        ConfigurationError: it belongs to somebody else, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise ConfigurationError(
                f"{folder} belongs to somebody else, so {whose} cannot use it: remove it, or give "
                "LANDFORM_HOME a shorter path."
            )
        folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"LANDFORM_HOME: cannot use {folder} ({error.strerror}); give a folder that this user "
            "may write."
        ) from error
