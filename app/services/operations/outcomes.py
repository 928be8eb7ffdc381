"""What the end of operations means for others: the audit trail, and a stack that is deleted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operation_errors import OperationCanceledError
from app.domain.operations import OperationStatus
from app.domain.stacks import StackStatus
from app.errors import LandformError
from app.models import Operation, Stack
from app.plain_text import cut
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.drift import auto_reconcile
from app.services.queue import interruptions
from app.services.queue.status import move
from app.services.stacks.editing import touch
from app.services.webhooks import outbox

MAX_DETAIL_BYTES = 16 * 1024


def describe(error: LandformError, **more: Any) -> dict[str, Any]:
    """Return what an operation shows of its error."""
    detail = cut(error.detail, MAX_DETAIL_BYTES)
    return {
        "code": error.code,
        "title": error.title,
        "detail": detail,
        "advice": error.advice,
        "is_cut": detail != error.detail,
        **error.context,
        **more,
    }


def mark_deleted(session: Session, stack: Stack, operation: Operation) -> None:
    """Write that nothing of a stack is left: what is queued for it is canceled, all is closed.

    Args:
        session: the open transaction.
        stack: whose destroy has ended, with nothing left in its state nor in the cloud.
        operation: the destroy.
    """
    stack.status, stack.status_reason = StackStatus.DELETED.value, None
    stack.deleted_at = utc_now()
    stack.schedule.is_enabled = False
    for output in list(stack.outputs):
        stack.outputs.remove(output)
    touch(stack)
    interruptions.close_all(session, stack, operation.id)
    session.flush()
    queued = select(Operation).where(
        Operation.stack_id == stack.id, Operation.status == OperationStatus.PENDING
    )
    gone = OperationCanceledError(
        f"The stack was destroyed by operation {operation.id} before this one began.",
        advice="Create a new stack.",
    )
    for waiting in session.scalars(queued).all():
        waiting.error = describe(gone)
        move(waiting, OperationStatus.CANCELED)
        record_end(session, waiting, OperationStatus.CANCELED)
        auto_reconcile.end_attempt(session, waiting)
        outbox.operation_ended(session, waiting)


def record_end(session: Session, operation: Operation, status: OperationStatus) -> None:
    """Record in the audit trail how an operation ended."""
    audit.record_as(
        session,
        SYSTEM_PRINCIPAL,
        f"operation.{status.value}",
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        type=operation.type,
        stack_id=operation.stack_id,
    )
