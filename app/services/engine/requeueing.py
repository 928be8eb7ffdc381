"""Put an operation that has changed nothing yet back into the queue, other than after a death.

Either people want its stack first, or another process still holds that: a Terraform that is being
stopped, or one on a host that was paused or cut off and keeps its lock until it runs again.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus
from app.models import Operation, OperationEvent
from app.services.context import Context
from app.services.engine.claims import Claim, write_fenced
from app.services.queue.status import move

GAVE_WAY = "gave_way"
STACK_HELD = "stack_held"
"""Types of the events that tell of it."""

WITHOUT_DEATH = (GAVE_WAY, STACK_HELD)
MAX_WAITS = 20
"""How often an operation waits for its stack; a worker waits ten seconds each time."""


def give_back(
    ctx: Context, session: Session, operation: Operation, event_type: str, message: str
) -> None:
    """Queue a claimed operation again, in the transaction of ``session``."""
    # Before the commit: the next one to claim it makes a directory of the same name.
    ctx.runs.of(operation.id).remove()
    operation.started_at = None
    move(operation, OperationStatus.PENDING)
    session.add(
        OperationEvent(
            operation_id=operation.id,
            at=utc_now(),
            type=event_type,
            level="info",
            message=message,
        )
    )
    session.flush()


def wait_for_stack(ctx: Context, claim: Claim) -> bool:
    """Queue an operation again whose stack another process holds, some minutes long.

    Returns:
        Whether that was done; not when it has waited long enough, was canceled, or is approved.

    Raises:
        FenceLostError: the operation has another owner.
    """

    def work(session: Session, operation: Operation) -> bool:
        if operation.status != OperationStatus.PLANNING or operation.has_applied:
            return False
        if count_events(session, operation.id, STACK_HELD) >= MAX_WAITS:
            return False
        told = "Another process still holds the writer's lock of this stack; queued again."
        give_back(ctx, session, operation, STACK_HELD, told)
        return True

    return write_fenced(ctx, claim, work)


def count_events(session: Session, operation_id: str, *types: str) -> int:
    """Return how many events of those types an operation has."""
    query = select(func.count()).where(
        OperationEvent.operation_id == operation_id, OperationEvent.type.in_(types)
    )
    return session.scalar(query) or 0
