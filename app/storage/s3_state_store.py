"""``StateStore`` in an S3 bucket: the same versions and pointer as on the volume, one object each.

Keys: ``stacks/<stack id>/versions/<serial>-<sha256>.tfstate``, sealed as on the volume, and the
pointer ``stacks/<stack id>/terraform.tfstate``. Plain Terraform pointed at that key reads no state
from it, refuses to go on, and respects the lock file beside it. The pointer is only ever written
under the condition that it is the one that was read, so of two writers one wins.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

from app.crypto import KeyRing
from app.domain.state_errors import StateCorruptError
from app.domain.state_file import StateFile, check_successor, is_same_state
from app.errors import ConflictError, NotFoundError, StackBusyError
from app.storage.s3_bucket import BucketObject, ObjectChangedError, S3Bucket
from app.storage.s3_errors import StateBucketUnversionedError, StateMovedError
from app.storage.s3_lock import S3LockFile
from app.storage.state_format import (
    StateVersionName,
    StoredState,
    check_may_point,
    check_stack_id,
    moved_pointer_bytes,
    open_version,
    parse_pointer,
    pointer_bytes,
    seal_version,
    version_name,
)
from app.storage.volume import Volume
from app.storage.volume_errors import VolumeError
from app.storage.writer_lock import hold_writer_lock, is_writer_lock_held

POINTER = "terraform.tfstate"
# Each round loses against a writer that won, and a stack has one writer.
ROUNDS = 5


class S3StateStore:
    """``StateStore`` in a bucket, encrypted; see the protocol for each method.

    Args:
        bucket: where states are kept.
        volume: whose writer's lock parts Landform's own processes.
        keys: seals and opens the versions.
    """

    def __init__(self, bucket: S3Bucket, volume: Volume, keys: KeyRing) -> None:
        self._bucket = bucket
        self._volume = volume
        self._keys = keys

    def check(self) -> None:
        """See ``StateStore.check``; locks need the volume, too."""
        self._volume.check()
        self._bucket.check()

    def reach(self) -> None:
        """See ``StateStore.reach``; saving goes on also when versioning was suspended meanwhile."""
        with suppress(StateBucketUnversionedError):
            self._bucket.check()

    def current(self, stack_id: str) -> StoredState | None:
        """See ``StateStore.current``."""
        return self._read_pointer(stack_id)[1]

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes:
        """See ``StateStore.read``."""
        found = self._bucket.get(self._version_key(stack_id, serial, sha256))
        if found is None:
            raise NotFoundError(f"{stack_id} has no state version {serial}.")
        return open_version(self._keys, stack_id, serial, sha256, found.data)

    def promote(self, stack_id: str, data: bytes, *, over_damage: bool = False) -> StoredState:
        """See ``StateStore.promote``.

        Raises:
            StackBusyError: other writers were faster, again and again.
        """
        for _ in range(ROUNDS):
            try:
                return self._replace_present(stack_id, data, over_damage)
            except ObjectChangedError:
                continue  # by another writer, or by a write of ours whose answer was lost
        raise StackBusyError(f"Another process writes the state of {stack_id}.")

    def keep(self, stack_id: str, data: bytes) -> StoredState:
        """See ``StateStore.keep``."""
        stored = StoredState.describe(StateFile.parse(data), data)
        if self._bucket.get(self._pointer_key(stack_id)) is None:
            self._bucket.put(self._pointer_key(stack_id), pointer_bytes(None))
        self._write_version(stack_id, stored, data)
        return stored

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """See ``StateStore.point_to``."""
        with suppress(StateMovedError):
            check_may_point(self.current(stack_id), stored)
        self._bucket.overwrite(self._pointer_key(stack_id), pointer_bytes(stored))

    def retire(self, stack_id: str) -> None:
        """See ``StateStore.retire``; S3 keeps them until a rule of the bucket expires them."""
        self._bucket.overwrite(self._pointer_key(stack_id), moved_pointer_bytes())
        for key, _ in list(self._list_versions(stack_id)):
            self._bucket.delete(key)

    @contextmanager
    def hold(self, stack_id: str, wait_seconds: float) -> Iterator[int]:
        """See ``StateStore.hold``; also keeps out whoever uses plain Terraform on the key.

        Raises:
            StateLockedElsewhereError: such a person, or another program, has the lock file.
        """
        lock_file = self._lock_file(stack_id)
        is_taken = False
        try:
            with hold_writer_lock(self._volume, stack_id, wait_seconds) as descriptor:
                lock_file.take(wait_seconds)
                is_taken = True
                yield descriptor
        finally:
            if is_taken:
                self._release(stack_id, lock_file)

    def is_held(self, stack_id: str) -> bool:
        """See ``StateStore.is_held``; by one of our processes, or by somebody else."""
        if is_writer_lock_held(self._volume, stack_id):
            return True
        return self._lock_file(stack_id).find_other_holder() is not None

    def versions(
        self, stack_id: str, *, min_age_seconds: float = 0.0
    ) -> tuple[StateVersionName, ...]:
        """See ``StateStore.versions``; the age is that of the object, which a new key renews."""
        latest = time.time() - min_age_seconds
        found = [
            StateVersionName.parse(key.rpartition("/")[2])
            for key, written_at in self._list_versions(stack_id)
            if not min_age_seconds or written_at.timestamp() <= latest
        ]
        return tuple(sorted(name for name in found if name))

    def delete_version(self, stack_id: str, serial: int, sha256: str) -> None:
        """See ``StateStore.delete_version``; S3 keeps it until a rule of the bucket expires it."""
        key = self._version_key(stack_id, serial, sha256)
        present = self.current(stack_id)
        if present is not None and (present.serial, present.sha256) == (serial, sha256):
            raise ConflictError(
                f"State {serial} is the present state of {stack_id}; it cannot be deleted."
            )
        if not any(found == key for found, _ in self._bucket.list(key)):
            raise NotFoundError(f"{stack_id} has no state version {serial}.")
        self._bucket.delete(key)

    def _replace_present(self, stack_id: str, data: bytes, over_damage: bool) -> StoredState:
        """Store ``data`` and point to it.

        Raises:
            ObjectChangedError: the pointer was changed meanwhile.
        """
        pointer, present, old = self._read_old(stack_id, over_damage)
        state = check_successor(old, data)
        if present is not None and old is not None and is_same_state(old, data):
            return present
        if pointer is None:
            # First of all "no state yet", so that versions without a pointer always mean damage.
            self._bucket.put(self._pointer_key(stack_id), pointer_bytes(None))
            pointer = self._bucket.get(self._pointer_key(stack_id))
        stored = StoredState.describe(state, data)
        self._write_version(stack_id, stored, data)
        self._bucket.put(self._pointer_key(stack_id), pointer_bytes(stored), replaces=pointer)
        return stored

    def _read_old(
        self, stack_id: str, over_damage: bool
    ) -> tuple[BucketObject | None, StoredState | None, bytes | None]:
        """Return the pointer, what it says, and the state that it points to."""
        try:
            pointer, present = self._read_pointer(stack_id)
            return pointer, present, self._read_present(stack_id, present) if present else None
        except StateCorruptError:
            if not over_damage:
                raise
            return self._bucket.get(self._pointer_key(stack_id)), None, None

    def _read_pointer(self, stack_id: str) -> tuple[BucketObject | None, StoredState | None]:
        found = self._bucket.get(self._pointer_key(stack_id))
        if found is not None:
            return found, parse_pointer(found.data, stack_id)
        if next(self._list_versions(stack_id), None) is not None:
            raise StateCorruptError(
                f"The pointer to the present state of {stack_id} is gone from the bucket."
            )
        return None, None

    def _read_present(self, stack_id: str, present: StoredState) -> bytes:
        try:
            return self.read(stack_id, present.serial, present.sha256)
        except NotFoundError as error:
            raise StateCorruptError(
                f"The present state {present.serial} of {stack_id} is gone from the bucket."
            ) from error

    def _write_version(self, stack_id: str, stored: StoredState, data: bytes) -> None:
        """Write the version unless a promotion that was cut short left it, whole."""
        key = self._version_key(stack_id, stored.serial, stored.sha256)
        sealed = seal_version(self._keys, stack_id, stored.serial, data)
        try:
            self._bucket.put(key, sealed)
        except ObjectChangedError:
            try:
                self.read(stack_id, stored.serial, stored.sha256)
            except (StateCorruptError, NotFoundError):
                self._bucket.overwrite(key, sealed)

    def _release(self, stack_id: str, lock_file: S3LockFile) -> None:
        """Take the lock file away unless a Terraform that inherited the writer's lock lives on."""
        # Else whoever has the writer's lock next takes the lock file over.
        with suppress(StackBusyError, VolumeError), hold_writer_lock(self._volume, stack_id, 0):
            lock_file.release()

    def _list_versions(self, stack_id: str) -> Iterator[tuple[str, datetime]]:
        return self._bucket.list(self._key(stack_id, "versions") + "/")

    def _lock_file(self, stack_id: str) -> S3LockFile:
        return S3LockFile(self._bucket, self._pointer_key(stack_id), self._volume.check_identity())

    def _pointer_key(self, stack_id: str) -> str:
        return self._key(stack_id, POINTER)

    def _version_key(self, stack_id: str, serial: int, sha256: str) -> str:
        return self._key(stack_id, "versions", version_name(stack_id, serial, sha256))

    def _key(self, stack_id: str, *parts: str) -> str:
        return self._bucket.place.key("stacks", check_stack_id(stack_id), *parts)
