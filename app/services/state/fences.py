"""Give each new writer of a state on S3 a higher number than every writer before it.

SQL gives the numbers, so their order is that in which writers were allowed to begin. A number is
committed before it is used. Where SQL has lost its last commits (a failover, a backup that was
restored), the place of the state has seen a higher one, and the next number is above that.
"""

from __future__ import annotations

from sqlalchemy import case
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session

from app.domain.fences import NO_FENCE, Fence
from app.models import StateFence
from app.services.context import Context


def next_fence(session: Session, stack_id: str, seen: Fence | None = None) -> Fence:
    """Return the fence of a new writer; it may be used once the transaction has committed.

    Args:
        session: an open writing transaction.
        stack_id: of whose state.
        seen: the newest fence that the place of the state knows, where that was asked.
    """
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    insert = insert_postgresql if is_postgresql else insert_sqlite
    least = (seen.number if seen else 0) + 1
    grown = StateFence.number + 1
    statement = insert(StateFence).values(stack_id=stack_id, number=least)
    number = session.scalar(
        statement.on_conflict_do_update(
            index_elements=[StateFence.stack_id],
            set_={"number": case((grown > least, grown), else_=least)},
        ).returning(StateFence.number)
    )
    return Fence.new(number or least)


def take_fence(ctx: Context, stack_id: str) -> Fence:
    """Return the fence of a new writer that no claim of an operation has made one.

    Raises:
        StateBucketError: S3 cannot be asked.
    """
    store = ctx.state_store(stack_id)
    if not store.is_fenced:
        return NO_FENCE
    seen = store.newest_fence(stack_id)
    return ctx.persist(lambda session: next_fence(session, stack_id, seen))
