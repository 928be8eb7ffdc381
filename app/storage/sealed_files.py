"""Sealed files and objects in a bucket: under which key each is, and a newer key for them.

Owns changing the key without a moment in which something cannot be read: the new file is complete
and durable before it takes the name of the old one. Knows nothing of what is inside.
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
from app.storage.parked_run import sealed_files
from app.storage.run_directory import RunDirectories
from app.storage.s3_bucket import ObjectChangedError, S3Bucket
from app.storage.state_format import VERSION_SUFFIX
from app.storage.volume import Volume, translate_errors
from app.storage.volume_state_store import lock_folder

COPY_BYTES = 1024 * 1024


@dataclass(frozen=True)
class SealedFile:
    """One sealed file; ``folder`` is locked while its key is changed."""

    folder: Path
    path: Path

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self.path)

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


@dataclass(frozen=True)
class SealedObject:
    """One sealed object in the state bucket."""

    bucket: S3Bucket
    key: str

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"s3://{self.bucket.place.bucket}/{self.key}"

    def head(self) -> bytes | None:
        """Return the first bytes, or nothing when the object is gone meanwhile."""
        found = self.bucket.get(self.key, first_bytes=MAX_HEAD_BYTES)
        return found.data if found else None

    def rewrap(self, keys: KeyRing) -> bool:
        """Have the newest key of the ring wrap the object; tell whether there was anything to do.

        Raises:
            DecryptionError: no key of the ring opens it; the object is as it was.
        """
        found = self.bucket.get(self.key)
        if found is None:
            return False
        head = keys.rewrap(found.data[:MAX_HEAD_BYTES])
        if head is None:
            return False
        rest = found.data[SealedHead.parse(found.data).size_bytes :]
        # Who changed or removed it meanwhile has sealed it anew, or it needs no key any more.
        with suppress(ObjectChangedError):
            self.bucket.put(self.key, head + rest, replaces=found)
        return True


def state_objects(bucket: S3Bucket) -> Iterator[SealedObject]:
    """Yield every state version in the bucket.

    Raises:
        StateBucketError: the bucket cannot be listed.
    """
    for key, _ in bucket.list(bucket.place.key("stacks") + "/"):
        if key.endswith(VERSION_SUFFIX) and "/versions/" in key:
            yield SealedObject(bucket, key)


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
        for path in sealed_files(folder):
            yield SealedFile(folder, path)


def _chunks(head: bytes, rest: BinaryIO) -> Iterator[bytes]:
    yield head
    while chunk := rest.read(COPY_BYTES):
        yield chunk
