"""Files of the host that cloud accounts may name: read below one folder, kept as private copies.

Whoever makes accounts names the path, so nothing may lead out of the folder. The real path is
opened anew at each use, from the folder downwards and through no link, and what was opened is what
is judged: a link that is exchanged meanwhile is not followed. Nobody else ever opens the path;
Terraform gets a copy.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.storage.durable import write_durably
from app.terraform_account import TerraformAccount, open_to_account

MAX_BYTES = 64 * 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Not to wait for the other end of a pipe.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class CredentialFileError(Exception):
    """A file may not be read, or cannot be; the message says why, without its content."""


@dataclass(frozen=True)
class CredentialFiles:
    """The files below ``root``; without one there are none.

    Args:
        root: folder that the operator of the host allows.
        copies: private folder for what Terraform reads.
        account: as whom Terraform runs, if apart from Landform.
    """

    root: Path | None
    copies: Path
    account: TerraformAccount | None = None

    def check(self, path: str) -> Path:
        """Return the folder that allows ``path``; the disk is not asked.

        Raises:
            CredentialFileError: no path that is written so may be read.
        """
        if self.root is None:
            raise CredentialFileError(
                "This host allows no credential files (LANDFORM_CREDENTIAL_FILES_ROOT is empty)."
            )
        parts = path.split("/")
        if not path.startswith("/") or "\0" in path or ".." in parts:
            raise CredentialFileError("The path must be absolute and without '..'.")
        if not Path(path).is_relative_to(self.root) or Path(path) == self.root:
            raise CredentialFileError(
                "The file is not in the folder that the operator of the host allows."
            )
        return self.root

    def read(self, path: str) -> bytes:
        """Return what is in the file now.

        Raises:
            CredentialFileError: it may not be read, or cannot be.
        """
        root = self.check(path)
        try:
            top = root.resolve(strict=True)
            inside = Path(path).resolve(strict=True).relative_to(top)
            descriptor = _open_below(top, inside.parts)
        except (OSError, RuntimeError, ValueError) as error:
            raise CredentialFileError(
                "The file cannot be read on this host, or leads out of the folder."
            ) from error
        try:
            _judge(os.fstat(descriptor))
            data = _read(descriptor)
        finally:
            os.close(descriptor)
        if len(data) > MAX_BYTES:
            raise CredentialFileError(f"The file has more than {MAX_BYTES // 1024} KiB.")
        return data

    def copy(self, account_id: str, field: str, data: bytes) -> Path:
        """Keep a private copy for Terraform and return where it is.

        A copy that is there already is exchanged in one step: who has it open reads on, and who
        opens it anew finds what is fresh.
        """
        place = self.copies / account_id / field
        for folder in (self.copies, place.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            open_to_account(folder, self.account)
        write_durably(place, data, mode=0o600 if self.account is None else 0o640)
        if self.account is not None:
            os.chown(place, -1, self.account.gid, follow_symlinks=False)
        return place

    def forget(self, account_id: str) -> None:
        """Remove the copies for an account from this host."""
        folder = self.copies / account_id
        with suppress(FileNotFoundError):
            for file in folder.iterdir():
                file.unlink(missing_ok=True)
            folder.rmdir()


def _open_below(top: Path, parts: tuple[str, ...]) -> int:
    """Open a file from ``top`` downwards, following no link; return its descriptor."""
    folder = os.open(top, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1], _FILE, dir_fd=folder)
    except IndexError as error:
        raise ValueError("the folder itself is no file") from error
    finally:
        os.close(folder)


def _read(descriptor: int) -> bytes:
    """Return what is in the file, and of a larger one a little more than may be."""
    data = b""
    while len(data) <= MAX_BYTES and (more := os.read(descriptor, MAX_BYTES + 1)):
        data += more
    return data


def _judge(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise CredentialFileError("It is no plain file.")
    if found.st_nlink != 1:
        raise CredentialFileError("The file has a second name (hard link), so it may be another's.")
    if found.st_dev in _kernel_devices():
        raise CredentialFileError("The file is one of the kernel's.")


def _kernel_devices() -> set[int]:
    found = set()
    for folder in ("/proc", "/sys", "/dev"):
        with suppress(OSError):
            found.add(Path(folder).stat().st_dev)
    return found
