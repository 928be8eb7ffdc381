"""Where plugins of a run listen: the address of a unix socket holds 107 bytes (unix(7)).

Providers make their sockets in TMPDIR, which lies in the run directory and may lie too deep.
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from app.config.settings import MAX_SOCKET_PATH_BYTES
from app.errors import UnavailableError
from app.terraform_account import TerraformAccount

# What the sandbox's provider makes in it; Go's providers add less: "/plugin" and ten digits.
NAME_BYTES = len("/sandbox-xxxxxxxx/plugin.sock")


def find_socket_folder(temporary: Path, account: TerraformAccount | None = None) -> Path:
    """Return ``temporary``, or a private folder that is near enough to the root.

    Args:
        temporary: where providers would like to listen.
        account: as whom they run; None for this user.

    Raises:
        UnavailableError: somebody else owns, or may write to, the folder of that name.
    """
    if len(bytes(temporary)) + NAME_BYTES <= MAX_SOCKET_PATH_BYTES:
        return temporary
    owner = account.uid if account else os.getuid()
    folder = Path(tempfile.gettempdir()) / f"landform-{owner}-plugins"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    status = folder.lstat()
    is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == owner
    if not is_ours or status.st_mode & 0o077:
        raise UnavailableError(f"{folder} is not a private folder of Landform's user: remove it.")
    return folder
