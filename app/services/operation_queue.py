"""Which operation of a stack runs next, and why the others wait.

Operations of one stack run in the order in which they were asked for; ``ring_next`` is called by
whoever frees a stack, and by the sweeper for rings that were lost.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.operations import ACTIVE, OperationStatus, OperationType
from app.models import Operation, Stack
from app.services.access import Principal
from app.services.context import ring_after_commit


def add_operation(
    session: Session, stack: Stack, operation_type: OperationType, principal: Principal
) -> Operation:
    """Queue an operation on ``stack`` and have it rung if nothing is before it."""
    now = utc_now()
    operation = Operation(
        id=ids.new_id(ids.OPERATION),
        stack_id=stack.id,
        stack=stack,
        type=operation_type.value,
        status=OperationStatus.PENDING.value,
        requested_by=principal.name,
        request_id=principal.request_id,
        created_at=now,
        transitions=[{"status": OperationStatus.PENDING.value, "at": now.isoformat()}],
        steps=[],
        possibly_orphaned=[],
        attempt=0,
        fence=0,
        has_applied=False,
        has_unsaved_state=False,
    )
    session.add(operation)
    session.flush()
    ring_next(session, stack.id)
    return operation


def next_in_line(session: Session, stack_id: str) -> Operation | None:
    """Return the pending operation that may start now, or nothing while the stack is held."""
    if holder_of(session, stack_id) is not None:
        return None
    return session.scalars(
        select(Operation)
        .where(Operation.stack_id == stack_id, Operation.status == OperationStatus.PENDING)
        .order_by(Operation.id)
        .limit(1)
    ).first()


def holder_of(session: Session, stack_id: str) -> Operation | None:
    """Return the operation that holds the stack: an active one, or one with state to save."""
    return session.scalars(
        select(Operation)
        .where(
            Operation.stack_id == stack_id,
            Operation.status.in_(ACTIVE) | Operation.has_unsaved_state,
        )
        .order_by(Operation.id)
        .limit(1)
    ).first()


def ring_next(session: Session, stack_id: str) -> None:
    """Have the next operation of the stack rung after commit, unless it was rung before."""
    operation = next_in_line(session, stack_id)
    if operation is not None and operation.attempt == 0:
        ring_after_commit(session, operation)


def waiting_for(session: Session, operation: Operation) -> dict[str, Any] | None:
    """Say in words why the operation does not go on, or ``None`` when it runs or has ended."""
    if operation.status == OperationStatus.PLANNED and operation.approved_at is None:
        return {
            "reason": "approval",
            "detail": "The plan waits for a person to approve or discard it.",
        }
    if operation.status != OperationStatus.PENDING:
        return None
    holder = holder_of(session, operation.stack_id)
    if holder is not None:
        return {
            "reason": "unsaved_state" if holder.has_unsaved_state else "operation",
            "operation_id": holder.id,
            "detail": _why_held(holder),
        }
    first = next_in_line(session, operation.stack_id)
    if first is not None and first.id != operation.id:
        return {
            "reason": "operation",
            "operation_id": first.id,
            "detail": f"An earlier {first.type} of this stack is queued.",
        }
    ahead = _pending_before(session, operation)
    return {
        "reason": "worker",
        "position": ahead + 1,
        "detail": f"Waits for a free worker; {ahead} operations are ahead in the queue.",
    }


def _why_held(holder: Operation) -> str:
    if holder.has_unsaved_state:
        return "The state of an interrupted operation is being saved first."
    if holder.status == OperationStatus.PLANNED:
        return f"An earlier {holder.type} of this stack waits for approval."
    return f"An earlier {holder.type} of this stack is running."


def _pending_before(session: Session, operation: Operation) -> int:
    pending = select(Operation.id).where(
        Operation.status == OperationStatus.PENDING, Operation.id < operation.id
    )
    return len(session.scalars(pending.limit(1000)).all())
