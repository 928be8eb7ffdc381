"""``StateStore`` in an S3 bucket: the same versions and pointer as on the volume, one object each.

Keys: ``stacks/<stack id>/versions/<serial>-<sha256>.tfstate``, sealed as on the volume, and the
pointer ``stacks/<stack id>/terraform.tfstate``. Plain Terraform pointed at that key reads no state
from it, refuses to go on, and respects the lock file beside it. The pointer is only ever written
under the condition that it is the one that was read, and names the fence of its newest writer: of
two writers the one whom SQL has made the writer last wins, however late the other one wakes up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime

from app.crypto import KeyRing
from app.domain.fences import NO_FENCE, Fence
from app.domain.operation_errors import FenceLostError
from app.domain.state_errors import StateCorruptError
from app.domain.state_file import StateFile, check_successor, is_same_state
from app.errors import ConflictError, NotFoundError, StackBusyError
from app.storage.s3_bucket import BucketObject, ObjectChangedError, S3Bucket
from app.storage.s3_errors import StateBucketUnversionedError
from app.storage.s3_identity import check_bucket
from app.storage.s3_lock import LockTerms, S3LockFile
from app.storage.state_format import (
    Pointer,
    StateVersionName,
    StoredState,
    check_may_point,
    check_stack_id,
    open_version,
    present_of,
    seal_version,
    version_name,
)
from app.storage.state_store import HeldState
from app.storage.work_folder_errors import WorkFolderError
from app.storage.writer_lock import hold_host_lock, is_host_lock_held

POINTER = "terraform.tfstate"
# Each round loses against a writer that won, and a stack has one writer.
ROUNDS = 5


class S3StateStore:
    """``StateStore`` in a bucket, encrypted; see the protocol for each method.

    Args:
        bucket: where states are kept.
        keys: seals and opens the versions.
        terms: of the locks.
        fence: of the writer that works with it; readers need none.
    """

    is_fenced = True

    def __init__(
        self, bucket: S3Bucket, keys: KeyRing, terms: LockTerms, fence: Fence = NO_FENCE
    ) -> None:
        self._bucket = bucket
        self._keys = keys
        self._terms = terms
        self._fence = fence

    def check(self) -> None:
        """See ``StateStore.check``."""
        terms = self._terms
        check_bucket(self._bucket, terms.installation_id if terms.is_marked else "")

    def reach(self) -> None:
        """See ``StateStore.reach``; saving goes on also when versioning was suspended meanwhile."""
        with suppress(StateBucketUnversionedError):
            self.check()

    def current(self, stack_id: str) -> StoredState | None:
        """See ``StateStore.current``."""
        pointer = self._read_pointer(stack_id)[1]
        return present_of(pointer, stack_id) if pointer else None

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
            self._change_pointer(stack_id, lambda pointer: pointer)
        self._write_version(stack_id, stored, data)
        return stored

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """See ``StateStore.point_to``."""

        def change(pointer: Pointer) -> Pointer:
            if not pointer.is_moved:
                check_may_point(pointer.state, stored)
            return Pointer(stored)

        self._change_pointer(stack_id, change)

    def retire(self, stack_id: str) -> None:
        """See ``StateStore.retire``; S3 keeps them until a rule of the bucket expires them."""
        self._change_pointer(stack_id, lambda _: Pointer(is_moved=True), over_damage=True)
        for key, _ in list(self._list_versions(stack_id)):
            self._bucket.delete(key)

    def fenced(self, fence: Fence) -> S3StateStore:
        """See ``StateStore.fenced``."""
        return S3StateStore(self._bucket, self._keys, self._terms, fence)

    def newest_fence(self, stack_id: str) -> Fence:
        """See ``StateStore.newest_fence``; a damaged pointer tells of none."""
        known = self._lock_file(stack_id).newest_fence()
        with suppress(StateCorruptError):
            pointer = self._read_pointer(stack_id)[1] or Pointer()
            known = max(known, pointer.fence, key=lambda fence: fence.number)
        return known

    def fence_off(self, stack_id: str) -> None:
        """See ``StateStore.fence_off``: the pointer gets the fence, and the lock file goes."""
        self._raise_fence(stack_id)
        self._lock_file(stack_id).clear()

    @contextmanager
    def hold(
        self, stack_id: str, wait_seconds: float, *, overtakes: bool = False
    ) -> Iterator[HeldState]:
        """See ``StateStore.hold``; also keeps out whoever uses plain Terraform on the key.

        Raises:
            StateLockedElsewhereError: such a person, or another program, has the lock file.
            WorkFolderError: this host cannot keep its own processes apart.
        """
        lock_file = self._lock_file(stack_id)
        is_taken = False
        try:
            with hold_host_lock(self._terms.folder, stack_id, wait_seconds) as descriptor:
                lock_file.take(wait_seconds, overtakes=overtakes)
                is_taken = True
                self._raise_fence(stack_id)
                yield HeldState(descriptor, lock_file.renew)
        finally:
            if is_taken:
                self._release(stack_id, lock_file)

    def is_held(self, stack_id: str) -> bool:
        """See ``StateStore.is_held``; on this host, or by the lock file of whoever it is."""
        is_here = is_host_lock_held(self._terms.folder, stack_id)
        return is_here or self._lock_file(stack_id).is_held()

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
        found, pointer, old = self._read_old(stack_id, over_damage)
        self._require_fence(pointer, stack_id)
        state = check_successor(old, data)
        if pointer.state is not None and old is not None and is_same_state(old, data):
            return pointer.state
        if found is None:
            # First of all "no state yet", so that versions without a pointer always mean damage.
            found = self._put_pointer(stack_id, Pointer(), None)
        stored = StoredState.describe(state, data)
        self._write_version(stack_id, stored, data)
        self._put_pointer(stack_id, Pointer(stored), found)
        return stored

    def _read_old(
        self, stack_id: str, over_damage: bool
    ) -> tuple[BucketObject | None, Pointer, bytes | None]:
        """Return the pointer, what it says, and the state that it points to."""
        try:
            found, pointer = self._read_pointer(stack_id)
            present = present_of(pointer, stack_id) if pointer else None
            old = self._read_present(stack_id, present) if present else None
            return found, pointer or Pointer(), old
        except StateCorruptError:
            if not over_damage:
                raise
            return self._bucket.get(self._pointer_key(stack_id)), Pointer(), None

    def _read_pointer(self, stack_id: str) -> tuple[BucketObject | None, Pointer | None]:
        found = self._bucket.get(self._pointer_key(stack_id))
        if found is not None:
            return found, Pointer.parse(found.data, stack_id)
        if next(self._list_versions(stack_id), None) is not None:
            raise StateCorruptError(
                f"The pointer to the present state of {stack_id} is gone from the bucket."
            )
        return None, None

    def _raise_fence(self, stack_id: str) -> None:
        """Have the pointer name this writer; a damaged one is left for a rollback to mend.

        Raises:
            FenceLostError: it names a newer one.
        """
        if self._fence == NO_FENCE:
            return
        with suppress(StateCorruptError):
            self._change_pointer(stack_id, lambda pointer: pointer)

    def _change_pointer(
        self, stack_id: str, change: Callable[[Pointer], Pointer], *, over_damage: bool = False
    ) -> None:
        """Replace the pointer by what ``change`` makes of it, with the fence of this writer.

        Raises:
            FenceLostError: a newer writer has begun.
            StackBusyError: other writers were faster, again and again.
        """
        for _ in range(ROUNDS):
            try:
                found, pointer = self._read_pointer(stack_id)
            except StateCorruptError:
                if not over_damage:
                    raise
                found, pointer = self._bucket.get(self._pointer_key(stack_id)), None
            self._require_fence(pointer or Pointer(), stack_id)
            try:
                self._put_pointer(stack_id, change(pointer or Pointer()), found)
                return
            except ObjectChangedError:
                continue  # by another writer, or by a write of ours whose answer was lost
        raise StackBusyError(f"Another process writes the state of {stack_id}.")

    def _put_pointer(
        self, stack_id: str, pointer: Pointer, found: BucketObject | None
    ) -> BucketObject:
        data = replace(pointer, fence=self._fence).to_bytes()
        if found is not None and found.data == data:
            return found
        return self._bucket.put(self._pointer_key(stack_id), data, replaces=found)

    def _require_fence(self, pointer: Pointer, stack_id: str) -> None:
        if self._fence.is_passed_by(pointer.fence):
            raise FenceLostError(f"A newer writer has taken over the state of {stack_id}.")

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
        """Take the lock file away unless a Terraform that inherited the lock of the host lives."""
        # Else whoever SQL makes the writer next takes the lock file over.
        folder = self._terms.folder
        with suppress(StackBusyError, WorkFolderError), hold_host_lock(folder, stack_id, 0):
            lock_file.release()

    def _list_versions(self, stack_id: str) -> Iterator[tuple[str, datetime]]:
        return self._bucket.list(self._key(stack_id, "versions") + "/")

    def _lock_file(self, stack_id: str) -> S3LockFile:
        key = self._pointer_key(stack_id)
        return S3LockFile(self._bucket, key, self._terms, self._fence)

    def _pointer_key(self, stack_id: str) -> str:
        return self._key(stack_id, POINTER)

    def _version_key(self, stack_id: str, serial: int, sha256: str) -> str:
        return self._key(stack_id, "versions", version_name(stack_id, serial, sha256))

    def _key(self, stack_id: str, *parts: str) -> str:
        return self._bucket.place.key("stacks", check_stack_id(stack_id), *parts)
