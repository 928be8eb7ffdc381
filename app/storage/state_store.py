"""Where the state of record lives: immutable versions and one pointer to the present one.

Owns invariant 1 (``docs/architecture.md``): the state of record is only ever a complete, validated
file. Nothing above this module knows where state lives: ``volume_state_store`` and
``s3_state_store`` are the places.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from app.domain.fences import Fence
from app.storage.state_format import StateVersionName, StoredState


def _renew_nothing() -> None:
    """Do nothing: a lock of the file system lasts as long as its processes."""


@dataclass(frozen=True)
class HeldState:
    """A stack of which the caller is the only writer.

    Attributes:
        descriptor: a file that Terraform has to inherit: the lock then lasts on this host until the
            last process that has it is gone, also when the process that took it is killed.
        renew: is called now and then while the work goes on; ``FenceLostError`` when a newer writer
            has taken over.
    """

    descriptor: int
    renew: Callable[[], None] = _renew_nothing


class StateStore(Protocol):
    """The state of record of every stack. All methods raise ``UnavailableError`` on trouble.

    ``is_fenced`` says that writers need a fence here, by which a late one is refused.
    """

    is_fenced: bool

    def check(self) -> None:
        """Prove that states can be kept here now, before any work is begun that makes one."""

    def reach(self) -> None:
        """Prove that the place answers at all; nobody in SQL should wait to learn that it does not.

        So ask this before opening a transaction in which something is read or promoted.
        """

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
            FenceLostError: a newer writer has begun.
        """

    def keep(self, stack_id: str, data: bytes) -> StoredState:
        """Store a version, durably, without making it the present one.

        Raises:
            StateError: not a complete state.
        """

    def point_to(self, stack_id: str, stored: StoredState | None) -> None:
        """Make a kept version the present one, also where the state had left from here.

        For a state that comes from another place; the caller holds the stack and has compared.

        Raises:
            StateSerialError: a newer state is here already.
        """

    def retire(self, stack_id: str) -> None:
        """Remove every version for good, and refuse who still looks here (``StateMovedError``)."""

    def fenced(self, fence: Fence) -> StateStore:
        """Return this store as the writer that has ``fence`` works with it."""

    def newest_fence(self, stack_id: str) -> Fence:
        """Return the fence of the newest writer that this place has seen."""

    def fence_off(self, stack_id: str) -> None:
        """Keep every writer with a lower fence from writing anything more, and take its lock away.

        For whoever saves what a dead writer left: SQL has made it the newest writer.

        Raises:
            FenceLostError: there is a newer writer.
        """

    def hold(
        self, stack_id: str, wait_seconds: float, *, overtakes: bool = False
    ) -> AbstractContextManager[HeldState]:
        """Be the only writer of a stack for the length of the block.

        Args:
            stack_id: of which stack.
            wait_seconds: how long another writer may take to let go.
            overtakes: SQL says that every writer with a lower fence is over, so that its lease need
                not be waited for.

        Raises:
            FenceLostError: there is a newer writer.
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
