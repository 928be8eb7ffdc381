"""One unit of work: the transaction of a use case, with who asks for it.

The edge (API, console, workers) opens it once around one or several use cases; each of them takes
it as its first argument, and none opens another. When the block ends, everything is committed
together: the change, its audit events, the webhooks' messages and the answer that is kept for a
repeated request. Then RQ is notified of what was queued. An error leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy.orm import Session

from app.services.access import Principal
from app.services.context import Context

T = TypeVar("T")


@dataclass(frozen=True)
class Work:
    """What a use case works with.

    Attributes:
        ctx: the adapters and settings of this process.
        session: the open transaction; only ``perform`` and ``perform_once`` commit it.
        principal: who asks.
    """

    ctx: Context
    session: Session
    principal: Principal


@contextmanager
def perform(ctx: Context, principal: Principal) -> Iterator[Work]:
    """Open the transaction of a change and commit it at the end of the block."""
    with ctx.write() as session:
        yield Work(ctx, session, principal)


def try_out(ctx: Context, principal: Principal, act: Callable[[Work], T]) -> T:
    """Do ``act`` as ``perform`` would, return what it returns, and roll all of it back.

    For what writes SQL alone. The database checks what is written as it would for real.
    """
    with ctx.rehearse() as session:
        result = act(Work(ctx, session, principal))
        session.flush()
        return result
