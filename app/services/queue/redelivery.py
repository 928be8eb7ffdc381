"""Notify workers again: SQL is the truth, and what is in Redis may be lost at any time."""

from __future__ import annotations

from datetime import timedelta

from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus
from app.models import Operation
from app.services.context import Context, notify_after_commit
from app.services.projects.change_control import must_wait
from app.services.queue.dispatch import notify_checks
from app.services.queue.order import is_preemptible, lock_of, next_in_line

GRACE = timedelta(seconds=5)
AT_ONCE = 200


def notify_again(ctx: Context) -> int:
    """Notify of operations that may start and have long waited in no queue; return how many.

    Does nothing while Redis is away; the next sweep tries again. Of scheduled checks it notifies
    only as many as may run.
    """
    heard_by = utc_now() - GRACE
    with ctx.read() as session:
        waiting = session.scalars(
            select(Operation)
            .where(
                (Operation.status == OperationStatus.PENDING)
                | (
                    (Operation.status == OperationStatus.PLANNED)
                    & Operation.approved_at.is_not(None)
                ),
                (Operation.notified_at.is_(None)) | (Operation.notified_at < heard_by),
                ~is_preemptible(Operation),
            )
            .order_by(Operation.id)
            .limit(AT_ONCE)
        ).all()
    try:
        lost = [op.id for op in waiting if not ctx.notifier.is_notified(op.id, op.attempt)]
    except RedisError:
        return 0
    return sum(_notify_one(ctx, operation_id) for operation_id in lost) + notify_checks(ctx)


def _notify_one(ctx: Context, operation_id: str) -> bool:
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id)
        if operation.status == OperationStatus.PENDING:
            first = next_in_line(session, operation.stack_id)
            if first is None or first.id != operation_id:
                return False
        elif operation.status != OperationStatus.PLANNED or _is_held(session, operation):
            return False
        notify_after_commit(session, operation)
        return True


def _is_held(session: Session, operation: Operation) -> bool:
    is_locked = lock_of(session, operation.stack_id) is not None
    return is_locked or must_wait(session, operation) is not None
