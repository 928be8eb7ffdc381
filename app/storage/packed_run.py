"""A parked run directory as one sealed file that another host can unpack and apply.

Holds the module, the lock file and the sealed plan, values and state; not what Terraform installed,
wrote out or was configured with on the host that planned. Sealed as a whole, so that nobody can
change the module beside the plan.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from app.crypto import KeyRing
from app.errors import UnavailableError
from app.storage.parked_run import PLAIN_SUFFIXES, SEALED_SUFFIX
from app.storage.run_directory import CLI_CONFIG_FILE, RunDirectory
from app.storage.run_files import LOCK_FILE
from app.storage.run_reading import read_plain
from app.terraform_account import open_to_account
from app.tree_removal import discard_tree

FACTS = "landform-plan.json"
MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class PackedRun:
    """An opened pack: what made the plan, in which attempt at its operation, its files by name."""

    terraform: str
    attempt: int | None
    files: dict[str, bytes]

    @property
    def lock(self) -> bytes | None:
        """The lock file of the providers that the plan was made with."""
        return self.files.get(LOCK_FILE)


def pack(directory: RunDirectory, keys: KeyRing, terraform: str) -> bytes:
    """Return a parked run directory, sealed.

    Args:
        directory: parked already.
        keys: seals it.
        terraform: which Terraform made the plan, with its version.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        facts = {"terraform": terraform, "attempt": directory.attempt}
        _add(archive, FACTS, json.dumps(facts).encode())
        for path in sorted(directory.path.iterdir()):
            wanted = path.suffix == SEALED_SUFFIX or path.suffix in PLAIN_SUFFIXES
            if wanted and path.name != CLI_CONFIG_FILE and not path.is_symlink():
                _add(archive, path.name, read_plain(path))
    return keys.encrypt(buffer.getvalue(), _place(directory.path.name))


def unpack(sealed: bytes, keys: KeyRing, operation_id: str) -> PackedRun:
    """Open what ``pack`` made.

    Raises:
        DecryptionError: it was changed, or its key is gone.
    """
    files: dict[str, bytes] = {}
    opened = io.BytesIO(keys.decrypt(sealed, _place(operation_id)))
    with tarfile.open(fileobj=opened, mode="r:gz") as archive:
        for member in archive:
            file = archive.extractfile(member)
            # Sealed by us; checked all the same, because names become paths.
            if file is not None and member.name == Path(member.name).name:
                files[member.name] = file.read(MAX_BYTES)
    facts = json.loads(files.pop(FACTS))
    return PackedRun(str(facts["terraform"]), facts["attempt"], files)


def restore(packed: PackedRun, directory: RunDirectory) -> None:
    """Make the parked run directory from a pack, whole or not at all.

    Raises:
        UnavailableError: the disk refuses.
    """
    runs = directory.path.parent
    try:
        runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (runs.parent, runs):
            open_to_account(folder, directory.account)
        draft = Path(tempfile.mkdtemp(prefix=".unpacked-", dir=runs))
        try:
            for name, data in packed.files.items():
                descriptor = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
            for folder in (directory.logs, directory.home, directory.temporary):
                (draft / folder.name).mkdir(mode=0o700)
            draft.rename(directory.path)
        finally:
            if draft.exists():
                discard_tree(draft)
    except OSError as error:
        raise UnavailableError(
            f"The plan cannot be unpacked to {directory.path} ({error.strerror or error})."
        ) from error


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o600
    archive.addfile(entry, io.BytesIO(data))


def _place(operation_id: str) -> str:
    return f"packed-run:{operation_id}"
