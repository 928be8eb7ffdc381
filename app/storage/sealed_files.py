"""The sealed files of one folder: under which key each is, and a newer key for them.

Owns changing the key of a file without a moment in which it cannot be read: the new file is
complete and durable before it takes the name of the old one. Knows nothing of what is inside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.crypto import MAX_HEAD_BYTES, KeyRing, SealedHead
from app.storage.durable import write_durably
from app.storage.parked_run import SEALED_SUFFIX
from app.storage.run_directory import RunDirectories
from app.storage.state_store import lock_folder
from app.storage.volume import Volume, translate_errors

COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class SealedFile:
    """One sealed file; ``folder`` is locked while its key is changed."""

    folder: Path
    path: Path

    def head(self) -> bytes | None:
        """Return the first bytes, or nothing when the file is gone meanwhile."""
        with suppress(FileNotFoundError), self.path.open("rb") as file:
            return file.read(MAX_HEAD_BYTES)
        return None

    def rewrap(self, keys: KeyRing) -> bool:
        """Have the newest key of the ring wrap the file; tell whether there was anything to do.

        Raises:
            DecryptionError: no key of the ring opens it; the file is as it was.
            OSError: the disk refuses; the file is as it was.
        """
        with suppress(FileNotFoundError), lock_folder(self.folder), self.path.open("rb") as file:
            begin = file.read(MAX_HEAD_BYTES)
            head = keys.rewrap(begin)
            if head is None:
                return False
            file.seek(SealedHead.parse(begin).size_bytes)
            before = self.path.stat()
            write_durably(self.path, _chunks(head, file))
            # The age of a version decides how long it is kept; a new key makes it no younger.
            os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
            return True
        return False


def state_files(volume: Volume) -> Iterator[SealedFile]:
    """Yield every state version on the volume.

    Raises:
        VolumeError: the volume cannot be read.
    """
    volume.check_identity()
    with translate_errors(volume.root):
        paths = sorted((volume.root / "stacks").glob("*/versions/*.tfstate"))
    for path in paths:
        yield SealedFile(path.parent.parent, path)


def parked_files(runs: RunDirectories) -> Iterator[SealedFile]:
    """Yield every file of the runs that wait for approval on this host."""
    for operation_id in runs.leftovers():
        folder = runs.of(operation_id).path
        for path in sorted(folder.rglob(f"*{SEALED_SUFFIX}")):
            yield SealedFile(folder, path)


def _chunks(head: bytes, rest: BinaryIO) -> Iterator[bytes]:
    yield head
    while chunk := rest.read(COPY_BYTES):
        yield chunk
