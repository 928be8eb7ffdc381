"""State versions as they are kept, sealed: to copy them away, and to put many of them back.

Beside ``StateStore``, which makes each write durable for itself and opens what it reads. What is
put here is complete or not there at all, and durable once ``sync`` has returned.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import Protocol

from app.domain.fences import NO_FENCE
from app.domain.state_errors import StateCorruptError
from app.storage.durable import TEMPORARY_PREFIX, make_directory
from app.storage.s3_bucket import ObjectChangedError, S3Bucket
from app.storage.s3_state_store import POINTER
from app.storage.state_format import (
    Pointer,
    StoredState,
    check_stack_id,
    pointer_bytes,
    version_name,
)
from app.storage.volume import WORK_SECONDS, Volume, translate_errors


class SealedStates(Protocol):
    """Sealed state versions of one place. All methods raise ``UnavailableError`` on trouble."""

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes | None:
        """Return the bytes of a version as they are kept, or None when it is not there."""

    def put(self, stack_id: str, serial: int, sha256: str, sealed: bytes) -> None:
        """Put a version in its place, also over one that is there."""

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """Make a version the present one, whatever was."""

    def stacks(self) -> set[str]:
        """Return the ids of the stacks that have anything here."""

    def sync(self) -> None:
        """Wait until everything that was put is durable."""


class VolumeSealedStates:
    """``SealedStates`` on a mounted volume."""

    def __init__(self, volume: Volume) -> None:
        self._root = volume.root / "stacks"
        self._volume = volume

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes | None:
        """See ``SealedStates.read``."""
        folder = self._root / check_stack_id(stack_id) / "versions"
        path = folder / version_name(stack_id, serial, sha256)

        def work() -> bytes | None:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return None

        return self._volume.ask_own(work, WORK_SECONDS)

    def put(self, stack_id: str, serial: int, sha256: str, sealed: bytes) -> None:
        """See ``SealedStates.put``."""
        self._write(stack_id, f"versions/{version_name(stack_id, serial, sha256)}", sealed)

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """See ``SealedStates.point_to``."""
        self._write(stack_id, "current", pointer_bytes(stored))

    def stacks(self) -> set[str]:
        """See ``SealedStates.stacks``; a folder that holds a lock only counts as nothing."""
        with translate_errors(self._volume.root):
            if not self._root.is_dir():
                return set()
            return {item.parent.name for item in self._root.glob("*/versions")}

    def sync(self) -> None:
        """See ``SealedStates.sync``.

        One sync of all file systems takes seconds where one for each of 10,000 files takes
        minutes; Linux waits for its end (sync(2)).
        """
        os.sync()

    def _write(self, stack_id: str, name: str, data: bytes) -> None:
        folder = self._root / check_stack_id(stack_id)
        path, temporary = folder / name, folder / f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}"

        def work() -> None:
            if not (folder / "versions").is_dir():
                make_directory(self._root)
                folder.mkdir(mode=0o700, exist_ok=True)
                # As the store does: versions without a pointer always mean damage.
                if not (folder / "current").exists():
                    _write_new(folder / "current", pointer_bytes(None))
                (folder / "versions").mkdir(mode=0o700, exist_ok=True)
            try:
                _write_new(temporary, data)
                temporary.replace(path)
            finally:
                with suppress(OSError):
                    temporary.unlink()

        self._volume.ask_own(work, WORK_SECONDS)


class S3SealedStates:
    """``SealedStates`` in a bucket."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._has_pointer: set[str] = set()

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes | None:
        """See ``SealedStates.read``."""
        found = self._bucket.get(self._version_key(stack_id, serial, sha256))
        return None if found is None else found.data

    def put(self, stack_id: str, serial: int, sha256: str, sealed: bytes) -> None:
        """See ``SealedStates.put``; S3 keeps what was there as an earlier version."""
        key = self._version_key(stack_id, serial, sha256)
        if stack_id not in self._has_pointer:
            # As the store does: versions without a pointer always mean damage.
            with suppress(ObjectChangedError):
                self._bucket.put(self._pointer_key(stack_id), pointer_bytes(None))
            self._has_pointer.add(stack_id)
        self._bucket.overwrite(key, sealed)

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """See ``SealedStates.point_to``; a writer that was fenced off stays so."""
        fence, found = NO_FENCE, self._bucket.get(self._pointer_key(stack_id))
        if found is not None:
            with suppress(StateCorruptError):
                fence = Pointer.parse(found.data, stack_id).fence
        self._bucket.overwrite(self._pointer_key(stack_id), Pointer(stored, fence).to_bytes())

    def stacks(self) -> set[str]:
        """See ``SealedStates.stacks``."""
        prefix = self._bucket.place.key("stacks") + "/"
        keys = (key.removeprefix(prefix) for key, _ in self._bucket.list(prefix))
        return {key.partition("/")[0] for key in keys}

    def sync(self) -> None:
        """See ``SealedStates.sync``; what S3 has answered is durable."""

    def _pointer_key(self, stack_id: str) -> str:
        return self._bucket.place.key("stacks", check_stack_id(stack_id), POINTER)

    def _version_key(self, stack_id: str, serial: int, sha256: str) -> str:
        name = version_name(check_stack_id(stack_id), serial, sha256)
        return self._bucket.place.key("stacks", stack_id, "versions", name)


def _write_new(path: os.PathLike[str], data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
        file.write(data)
