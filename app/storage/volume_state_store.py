"""``StateStore`` on a mounted volume: one folder for each stack, changed under a lock.

Layout: ``stacks/<stack id>/versions/<serial>-<sha256>.tfstate`` and ``stacks/<stack id>/current``.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.crypto import KeyRing
from app.domain.fences import NO_FENCE, Fence
from app.domain.state_errors import StateCorruptError
from app.domain.state_file import StateFile, check_successor, is_same_state
from app.errors import ConflictError, NotFoundError
from app.storage.ballast import Ballast
from app.storage.durable import (
    make_directory,
    sweep_temporaries,
    sync_directory,
    write_durably,
)
from app.storage.s3_errors import StateMovedError
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
from app.storage.state_store import HeldState, StateStore
from app.storage.volume import WORK_SECONDS, Volume, translate_errors
from app.storage.volume_errors import VolumeFullError
from app.storage.writer_lock import hold_writer_lock, is_writer_lock_held


class VolumeStateStore:
    """``StateStore`` on a mounted volume, encrypted; see the protocol for each method."""

    is_fenced = False

    def __init__(self, volume: Volume, keys: KeyRing) -> None:
        self._volume = volume
        self._keys = keys

    def check(self) -> None:
        """See ``StateStore.check``; the volume has to be ours, writable and not full."""
        self._volume.check()

    def reach(self) -> None:
        """See ``StateStore.reach``."""
        self._volume.check_identity()

    def current(self, stack_id: str) -> StoredState | None:
        """See ``StateStore.current``."""
        folder = self._folder(stack_id)
        return self._volume.ask_own(lambda: self._read_pointer(folder), WORK_SECONDS)

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes:
        """See ``StateStore.read``."""
        folder = self._folder(stack_id)
        return self._volume.ask_own(
            lambda: self._read_version(folder, serial, sha256), WORK_SECONDS
        )

    def promote(self, stack_id: str, data: bytes, *, over_damage: bool = False) -> StoredState:
        """See ``StateStore.promote``; on a full volume the ballast makes room for it."""
        try:
            return self._promote(stack_id, data, over_damage)
        except VolumeFullError:
            Ballast(self._volume.root).release()
            # Also when there was none: another promotion may just have given it up.
            return self._promote(stack_id, data, over_damage)

    def keep(self, stack_id: str, data: bytes) -> StoredState:
        """See ``StateStore.keep``."""
        stored = StoredState.describe(StateFile.parse(data), data)
        self._work(stack_id, lambda folder: self._write_version(folder, stored, data))
        return stored

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """See ``StateStore.point_to``."""

        def work(folder: Path) -> None:
            with suppress(StateMovedError):
                check_may_point(self._read_pointer(folder), stored)
            write_durably(folder / "current", pointer_bytes(stored))

        self._work(stack_id, work)

    def retire(self, stack_id: str) -> None:
        """See ``StateStore.retire``."""

        def work(folder: Path) -> None:
            write_durably(folder / "current", moved_pointer_bytes())
            for path in (folder / "versions").iterdir():
                path.unlink()
            sync_directory(folder / "versions")

        self._work(stack_id, work)

    def fenced(self, fence: Fence) -> StateStore:
        """See ``StateStore.fenced``; the lock of the folder alone parts writers here."""
        return self

    def newest_fence(self, stack_id: str) -> Fence:
        """See ``StateStore.newest_fence``; there are none here."""
        return NO_FENCE

    def fence_off(self, stack_id: str) -> None:
        """See ``StateStore.fence_off``; a lock of the file system ends with its processes."""

    @contextmanager
    def hold(
        self, stack_id: str, wait_seconds: float, *, overtakes: bool = False
    ) -> Iterator[HeldState]:
        """See ``StateStore.hold``; a file beside the versions is locked."""
        with hold_writer_lock(self._volume, stack_id, wait_seconds) as descriptor:
            yield HeldState(descriptor)

    def is_held(self, stack_id: str) -> bool:
        """See ``StateStore.is_held``."""
        return is_writer_lock_held(self._volume, stack_id)

    def versions(
        self, stack_id: str, *, min_age_seconds: float = 0.0
    ) -> tuple[StateVersionName, ...]:
        """See ``StateStore.versions``; the age is that of the file."""
        folder = self._folder(stack_id) / "versions"
        latest = time.time() - min_age_seconds
        self._volume.check_identity()
        with translate_errors(self._volume.root):
            if not folder.is_dir():
                return ()
            found = [
                StateVersionName.parse(entry.name)
                for entry in folder.iterdir()
                if not min_age_seconds or entry.stat().st_mtime <= latest
            ]
        return tuple(sorted(name for name in found if name))

    def delete_version(self, stack_id: str, serial: int, sha256: str) -> None:
        """See ``StateStore.delete_version``."""
        folder = self._folder(stack_id)
        self._volume.check_identity()
        path = _version_path(folder, serial, sha256)
        if not path.is_file():
            raise NotFoundError(f"{stack_id} has no state version {serial}.")
        with translate_errors(self._volume.root), lock_folder(folder):
            present = self._read_pointer(folder)
            if present is not None and (present.serial, present.sha256) == (serial, sha256):
                raise ConflictError(
                    f"State {serial} is the present state of {stack_id}; it cannot be deleted."
                )
            path.unlink(missing_ok=True)
            sync_directory(path.parent)

    def _promote(self, stack_id: str, data: bytes, over_damage: bool) -> StoredState:
        folder = self._folder(stack_id)
        return self._volume.ask_own(
            lambda: self._replace_present(folder, data, over_damage), WORK_SECONDS
        )

    def _work(self, stack_id: str, work: Callable[[Path], None]) -> None:
        """Do something in the locked folder of a stack."""
        folder = self._folder(stack_id)

        def locked() -> None:
            self._prepare(folder)
            with lock_folder(folder):
                work(folder)

        self._volume.ask_own(locked, WORK_SECONDS)

    def _replace_present(self, folder: Path, data: bytes, over_damage: bool) -> StoredState:
        self._prepare(folder)
        with lock_folder(folder):
            try:
                present = self._read_pointer(folder)
                old = self._read_present(folder, present) if present else None
            except StateCorruptError:
                if not over_damage:
                    raise
                present = old = None
            state = check_successor(old, data)
            if present is not None and old is not None and is_same_state(old, data):
                return present
            stored = StoredState.describe(state, data)
            self._write_version(folder, stored, data)
            write_durably(folder / "current", pointer_bytes(stored))
            return stored

    def _folder(self, stack_id: str) -> Path:
        return self._volume.root / "stacks" / check_stack_id(stack_id)

    def _prepare(self, folder: Path) -> None:
        """Create the folder of a stack, with a pointer that says "no state yet" first of all.

        So a missing pointer beside versions always means damage, never a first write cut short.
        """
        if (folder / "versions").is_dir():
            return
        make_directory(folder)
        if not (folder / "current").exists():
            write_durably(folder / "current", pointer_bytes(None))
        make_directory(folder / "versions")

    def _read_pointer(self, folder: Path) -> StoredState | None:
        try:
            data = (folder / "current").read_bytes()
        except FileNotFoundError as error:
            if not (folder / "versions").is_dir():
                return None
            raise StateCorruptError(
                f"The pointer to the present state of {folder.name} is gone from the volume."
            ) from error
        return parse_pointer(data, folder.name)

    def _read_version(self, folder: Path, serial: int, sha256: str) -> bytes:
        path = _version_path(folder, serial, sha256)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"{folder.name} has no state version {serial}.") from error
        return open_version(self._keys, folder.name, serial, sha256, sealed)

    def _read_present(self, folder: Path, present: StoredState) -> bytes:
        try:
            return self._read_version(folder, present.serial, present.sha256)
        except NotFoundError as error:
            raise StateCorruptError(
                f"The present state {present.serial} of {folder.name} is gone from the volume."
            ) from error

    def _write_version(self, folder: Path, stored: StoredState, data: bytes) -> None:
        """Write the version file unless a promotion that was cut short left it, whole."""
        path = _version_path(folder, stored.serial, stored.sha256)
        if path.exists():
            try:
                self._read_version(folder, stored.serial, stored.sha256)
            except StateCorruptError:
                path.unlink()
            else:
                return
        write_durably(path, seal_version(self._keys, folder.name, stored.serial, data))


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a stack's folder: to compare and to swap the pointer must be one step."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        sweep_temporaries(folder)
        sweep_temporaries(folder / "versions")
        yield
    finally:
        os.close(descriptor)


def _version_path(folder: Path, serial: int, sha256: str) -> Path:
    return folder / "versions" / version_name(folder.name, serial, sha256)
