"""Where plugins of a run listen: the address of a unix socket holds 107 bytes (unix(7)).

Providers make their sockets in TMPDIR, which lies in the run directory and may lie too deep.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from app.errors import UnavailableError
from app.settings import MAX_SOCKET_PATH_BYTES

# "/plugin" and the digits that Go's os.CreateTemp adds.
NAME_BYTES = len("/plugin") + 10


def find_socket_folder(temporary: Path) -> Path:
    """Return ``temporary``, or a private folder of this user that is near enough to the root.

    Raises:
        UnavailableError: somebody else owns, or may write to, the folder of that name.
    """
    if len(bytes(temporary)) + NAME_BYTES <= MAX_SOCKET_PATH_BYTES:
        return temporary
    folder = Path(tempfile.gettempdir()) / f"landform-{os.getuid()}-plugins"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    if not is_ours or status.st_mode & 0o077:
        raise UnavailableError(f"{folder} is not a private folder of Landform's user: remove it.")
    return folder
