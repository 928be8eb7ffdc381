"""The permissions that a use case checked, recorded so that a replayed answer is checked again.

An answer that is kept for a repeated request must not outlive the rights that it was given for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

Demand = tuple[str, ...]


class DemandKind(StrEnum):
    """The first word of a demand; the rest are its values."""

    RIGHT = "right"
    ANYWHERE = "anywhere"
    SERVICE = "service"
    SESSION = "session"
    ACT = "act"


_noted: ContextVar[dict[Demand, None] | None] = ContextVar("noted_demands", default=None)


def note(kind: DemandKind, *values: str) -> None:
    """Remember that the caller was asked for something, and had it."""
    noted = _noted.get()
    if noted is not None:
        noted[(kind.value, *values)] = None


@contextmanager
def noting() -> Iterator[dict[Demand, None]]:
    """Collect what is asked of callers in this thread until the end of the block."""
    found: dict[Demand, None] = {}
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)
