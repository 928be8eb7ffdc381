"""Where the state of record lives: immutable versions and one pointer to the present one.

Owns invariant 1 (``docs/architecture.md``): the state of record is only ever a complete, validated
file. Nothing above this module knows where state lives; a remote store has the same interface.
Layout: ``stacks/<stack id>/versions/<serial>-<sha256>.tfstate`` and ``stacks/<stack id>/current``.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from app.crypto import KeyRing
from app.domain.state_file import StateFile, check_successor, is_same_state
from app.errors import (
    ConflictError,
    DecryptionError,
    NotFoundError,
    StackBusyError,
    StateCorruptError,
    VolumeFullError,
)
from app.storage.ballast import Ballast
from app.storage.durable import (
    make_directory,
    sweep_temporaries,
    sync_directory,
    write_durably,
)
from app.storage.volume import WORK_SECONDS, Volume, translate_errors

POINTER_FORMAT = 1
WRITER_LOCK = "writer.lock"
LOCK_POLL_SECONDS = 0.1
STACK_ID = re.compile(r"[a-z]{1,8}_[0-9a-z]{1,48}")
VERSION_NAME = re.compile(r"(\d{1,19})-([0-9a-f]{64})\.tfstate")


@dataclass(frozen=True)
class StoredState:
    """Metadata of a stored state. ``sha256`` and ``size_bytes`` are of the plain bytes."""

    serial: int
    lineage: str
    sha256: str
    size_bytes: int
    terraform_version: str


@dataclass(frozen=True, order=True)
class StateVersionName:
    """What the name of a version file says."""

    serial: int
    sha256: str


class StateStore(Protocol):
    """The state of record of every stack. All methods raise ``VolumeError`` on trouble below."""

    def current(self, stack_id: str) -> StoredState | None:
        """Return the present state's metadata, or None when the stack has no state.

        A store that was rolled back as a whole cannot know it: compare with SQL.

        Raises:
            StateCorruptError: the pointer is torn, empty or gone.
        """

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes:
        """Return the plain bytes of one version, verified.

        Raises:
            NotFoundError: there is no such version.
            StateCorruptError: the stored bytes are not what was written.
        """

    def promote(self, stack_id: str, data: bytes, *, over_damage: bool = False) -> StoredState:
        """Make ``data`` the state of record, durably; the same bytes again change nothing.

        Args:
            stack_id: whose state.
            data: a complete state.
            over_damage: let it follow also a damaged state, with which it cannot be compared;
                the caller has compared it with what SQL knows.

        Raises:
            StateError: not a complete state.
            StateLineageError, StateSerialError: it may not follow the present one.
            StateCorruptError: the present one is damaged, so nothing may follow it.
        """

    def hold(self, stack_id: str, wait_seconds: float) -> AbstractContextManager[int]:
        """Be the only writer of a stack for the length of the block.

        Gives a file descriptor that Terraform has to inherit: the lock then lasts until the last
        process that has it is gone, also when the process that took it is killed.

        Raises:
            StackBusyError: another writer has not let go within ``wait_seconds``.
        """

    def is_held(self, stack_id: str) -> bool:
        """Tell whether a writer holds the stack now, or a Terraform that inherited its lock."""

    def versions(
        self, stack_id: str, *, min_age_seconds: float = 0.0
    ) -> tuple[StateVersionName, ...]:
        """Return every stored version that was written so long ago, lowest serial first."""

    def delete_version(self, stack_id: str, serial: int, sha256: str) -> None:
        """Remove one version for good.

        Raises:
            ConflictError: it is the present one.
            NotFoundError: there is no such version.
        """


class VolumeStateStore:
    """``StateStore`` on a mounted volume, encrypted; see the protocol for each method."""

    def __init__(self, volume: Volume, keys: KeyRing) -> None:
        self._volume = volume
        self._keys = keys

    def current(self, stack_id: str) -> StoredState | None:
        """See ``StateStore.current``."""
        folder = self._folder(stack_id)
        self._volume.check_identity()
        return self._volume.ask(lambda: self._read_pointer(folder), WORK_SECONDS)

    def read(self, stack_id: str, serial: int, sha256: str) -> bytes:
        """See ``StateStore.read``."""
        folder = self._folder(stack_id)
        self._volume.check_identity()
        return self._volume.ask(lambda: self._read_version(folder, serial, sha256), WORK_SECONDS)

    def promote(self, stack_id: str, data: bytes, *, over_damage: bool = False) -> StoredState:
        """See ``StateStore.promote``; on a full volume the ballast makes room for it."""
        try:
            return self._promote(stack_id, data, over_damage)
        except VolumeFullError:
            Ballast(self._volume.root).release()
            # Also when there was none: another promotion may just have given it up.
            return self._promote(stack_id, data, over_damage)

    @contextmanager
    def hold(self, stack_id: str, wait_seconds: float) -> Iterator[int]:
        """See ``StateStore.hold``; a flock(2) on a file beside the versions."""
        folder = self._folder(stack_id)
        self._volume.check_identity()
        with translate_errors(self._volume.root):
            self._prepare(folder)
            descriptor = os.open(folder / WRITER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock_within(descriptor, wait_seconds, stack_id)
            yield descriptor
        finally:
            os.close(descriptor)

    def is_held(self, stack_id: str) -> bool:
        """See ``StateStore.is_held``; asks for a shared lock and gives it back at once."""
        path = self._folder(stack_id) / WRITER_LOCK
        self._volume.check_identity()
        with translate_errors(self._volume.root):
            if not path.exists():
                return False
            descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

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
                VERSION_NAME.fullmatch(entry.name)
                for entry in folder.iterdir()
                if not min_age_seconds or entry.stat().st_mtime <= latest
            ]
        return tuple(sorted(StateVersionName(int(item[1]), item[2]) for item in found if item))

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
        self._volume.check_identity()
        return self._volume.ask(
            lambda: self._replace_present(folder, data, over_damage), WORK_SECONDS
        )

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
            stored = _describe(state, data)
            self._write_version(folder, stored, data)
            write_durably(folder / "current", _pointer_bytes(stored))
            return stored

    def _folder(self, stack_id: str) -> Path:
        if STACK_ID.fullmatch(stack_id) is None:
            raise NotFoundError(f"{stack_id[:60]!r} is not the id of a stack.")
        return self._volume.root / "stacks" / stack_id

    def _prepare(self, folder: Path) -> None:
        """Create the folder of a stack, with a pointer that says "no state yet" first of all.

        So a missing pointer beside versions always means damage, never a first write cut short.
        """
        if (folder / "versions").is_dir():
            return
        make_directory(folder)
        if not (folder / "current").exists():
            write_durably(folder / "current", _pointer_bytes(None))
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
        return _parse_pointer(data, folder.name)

    def _read_version(self, folder: Path, serial: int, sha256: str) -> bytes:
        path = _version_path(folder, serial, sha256)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"{folder.name} has no state version {serial}.") from error
        try:
            data = self._keys.decrypt(sealed, _associated(folder, serial))
        except DecryptionError as error:
            raise StateCorruptError(
                f"State {serial} of {folder.name} ({len(sealed)} bytes): {error.detail}",
                advice="Check that LANDFORM_ENCRYPTION_KEYS still lists every key; if it does, the "
                "file is damaged: restore the volume or roll back to an earlier state version.",
            ) from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise StateCorruptError(f"State {serial} of {folder.name} has another checksum.")
        return data

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
        write_durably(path, self._keys.encrypt(data, _associated(folder, stored.serial)))


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


def _lock_within(descriptor: int, seconds: float, stack_id: str) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StackBusyError(
                    f"Another process still holds the writer's lock of {stack_id}."
                ) from error
        time.sleep(LOCK_POLL_SECONDS)


def _version_path(folder: Path, serial: int, sha256: str) -> Path:
    name = f"{serial}-{sha256}.tfstate"
    if VERSION_NAME.fullmatch(name) is None:
        raise NotFoundError(f"{folder.name} has no state version {serial}.")
    return folder / "versions" / name


def _associated(folder: Path, serial: int) -> str:
    return f"state:{folder.name}:{serial}"


def _describe(state: StateFile, data: bytes) -> StoredState:
    digest = hashlib.sha256(data).hexdigest()
    return StoredState(state.serial, state.lineage, digest, len(data), state.terraform_version)


def _pointer_bytes(stored: StoredState | None) -> bytes:
    body: dict[str, Any] = {"format": POINTER_FORMAT, "state": asdict(stored) if stored else None}
    return json.dumps({**body, "checksum": _checksum(body)}).encode() + b"\n"


def _parse_pointer(data: bytes, stack_id: str) -> StoredState | None:
    """Read a pointer; its checksum catches a single changed bit."""
    try:
        body = json.loads(data)
        is_whole = body.pop("checksum") == _checksum(body) and body["format"] == POINTER_FORMAT
        stored = StoredState(**body["state"]) if body["state"] is not None else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_whole = False
    if not is_whole:
        raise StateCorruptError(
            f"The pointer to the present state of {stack_id} is torn or damaged "
            f"({len(data)} bytes)."
        )
    return stored


def _checksum(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
