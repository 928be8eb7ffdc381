"""What a stored state looks like, wherever it is stored: names, sealed versions and the pointer.

Owns the forms that every ``StateStore`` shares, and the checks by which damage is seen. It neither
reads nor writes anything.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from app.crypto import KeyRing
from app.domain.fences import NO_FENCE, Fence
from app.domain.state_errors import StateCorruptError, StateSerialError
from app.domain.state_file import StateFile
from app.errors import DecryptionError, NotFoundError
from app.storage.s3_errors import StateMovedError

POINTER_FORMAT = 1
STACK_ID = re.compile(r"[a-z]{1,8}_[0-9a-z]{1,48}")
VERSION_SUFFIX = ".tfstate"
VERSION_NAME = re.compile(r"(\d{1,19})-([0-9a-f]{64})" + re.escape(VERSION_SUFFIX))


@dataclass(frozen=True)
class StoredState:
    """Metadata of a stored state. ``sha256`` and ``size_bytes`` are of the plain bytes."""

    serial: int
    lineage: str
    sha256: str
    size_bytes: int
    terraform_version: str

    @classmethod
    def describe(cls, state: StateFile, data: bytes) -> StoredState:
        """Return the metadata of ``data``, which was parsed as ``state``."""
        digest = hashlib.sha256(data).hexdigest()
        return cls(state.serial, state.lineage, digest, len(data), state.terraform_version)


@dataclass(frozen=True, order=True)
class StateVersionName:
    """What the name of a version says."""

    serial: int
    sha256: str

    @classmethod
    def parse(cls, name: str) -> StateVersionName | None:
        """Read the last part of a version's name, or return nothing for something else."""
        found = VERSION_NAME.fullmatch(name)
        return cls(int(found[1]), found[2]) if found else None


def check_stack_id(stack_id: str) -> str:
    """Return the id itself when it can be part of a path.

    Raises:
        NotFoundError: it is not the id of a stack.
    """
    if STACK_ID.fullmatch(stack_id) is None:
        raise NotFoundError(f"{stack_id[:60]!r} is not the id of a stack.")
    return stack_id


def version_name(stack_id: str, serial: int, sha256: str) -> str:
    """Return the name of a version.

    Raises:
        NotFoundError: no version can have such a serial or checksum.
    """
    name = f"{serial}-{sha256}{VERSION_SUFFIX}"
    if VERSION_NAME.fullmatch(name) is None:
        raise NotFoundError(f"{stack_id} has no state version {serial}.")
    return name


def seal_version(keys: KeyRing, stack_id: str, serial: int, data: bytes) -> bytes:
    """Encrypt the bytes of a version, bound to its stack and serial."""
    return keys.encrypt(data, _associated(stack_id, serial))


def open_version(keys: KeyRing, stack_id: str, serial: int, sha256: str, sealed: bytes) -> bytes:
    """Return the plain bytes of a version, verified.

    Raises:
        StateCorruptError: they are not what was sealed.
    """
    try:
        data = keys.decrypt(sealed, _associated(stack_id, serial))
    except DecryptionError as error:
        raise StateCorruptError(
            f"State {serial} of {stack_id} ({len(sealed)} bytes): {error.detail}",
            advice="Check that LANDFORM_ENCRYPTION_KEYS still lists every key; if it does, the "
            "file is damaged: restore it from a backup or roll back to an earlier state version.",
        ) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise StateCorruptError(f"State {serial} of {stack_id} has another checksum.")
    return data


@dataclass(frozen=True)
class Pointer:
    """What a pointer says.

    Attributes:
        state: the present state; None means that there is none yet.
        fence: of the newest writer.
        is_moved: the state is kept somewhere else now.
    """

    state: StoredState | None = None
    fence: Fence = NO_FENCE
    is_moved: bool = False

    @classmethod
    def parse(cls, data: bytes, stack_id: str) -> Pointer:
        """Read a pointer; its checksum catches a single changed bit.

        Raises:
            StateCorruptError: it is torn or damaged.
        """
        try:
            body = json.loads(data)
            is_whole = body.pop("checksum") == _checksum(body) and body["format"] == POINTER_FORMAT
            state = StoredState(**body["state"]) if body["state"] is not None else None
            fence = Fence(**body["fence"]) if "fence" in body else NO_FENCE
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            is_whole = False
        if not is_whole:
            raise StateCorruptError(
                f"The pointer to the present state of {stack_id} is torn or damaged "
                f"({len(data)} bytes)."
            )
        return cls(state, fence, bool(body.get("is_moved")))

    def to_bytes(self) -> bytes:
        """Return the bytes that ``parse`` reads; without a fence those of former versions."""
        body: dict[str, Any] = {
            "format": POINTER_FORMAT,
            "state": asdict(self.state) if self.state else None,
        }
        if self.is_moved:
            body["is_moved"] = True
        if self.fence != NO_FENCE:
            body["fence"] = asdict(self.fence)
        return json.dumps({**body, "checksum": _checksum(body)}).encode() + b"\n"


def pointer_bytes(stored: StoredState | None) -> bytes:
    """Return a pointer to ``stored``, or one that says "no state yet"."""
    return Pointer(stored).to_bytes()


def moved_pointer_bytes() -> bytes:
    """Return a pointer that says that the state is kept somewhere else now."""
    return Pointer(is_moved=True).to_bytes()


def parse_pointer(data: bytes, stack_id: str) -> StoredState | None:
    """Return the state that a pointer leads to.

    Raises:
        StateCorruptError: it is torn or damaged.
        StateMovedError: the state is kept somewhere else now.
    """
    return present_of(Pointer.parse(data, stack_id), stack_id)


def present_of(pointer: Pointer, stack_id: str) -> StoredState | None:
    """Return the state that a pointer leads to.

    Raises:
        StateMovedError: the state is kept somewhere else now.
    """
    if pointer.is_moved:
        raise StateMovedError(f"The state of {stack_id} has left this place.")
    return pointer.state


def check_may_point(present: StoredState | None, stored: StoredState | None) -> None:
    """Check that a pointer may go from ``present`` to ``stored`` when a state comes here.

    Raises:
        StateSerialError: a newer state is here already.
    """
    if present is not None and (stored is None or present.serial > stored.serial):
        raise StateSerialError(
            f"Serial {present.serial} is here, which is newer than what comes here."
        )


def _associated(stack_id: str, serial: int) -> str:
    return f"state:{stack_id}:{serial}"


def _checksum(body: Any) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
