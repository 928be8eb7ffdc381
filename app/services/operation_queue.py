"""Which operation of a stack runs next, and why the others wait.

Operations of one stack run in the order in which they were asked for; ``ring_next`` is called by
whoever frees a stack, and by the sweeper for rings that were lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.operations import ACTIVE, FINAL, OperationStatus, OperationType
from app.domain.plan_options import PlanOptions
from app.models import InstallationFact, Operation, Stack
from app.services.access import Principal
from app.services.context import ring_after_commit

COUNTED = 1000
VOLUME_TROUBLE = "volume_trouble"
"""Name of the fact that says what is wrong with the state volume."""

_HOLDS = Operation.status.in_(ACTIVE) | Operation.has_unsaved_state


def add_operation(
    session: Session,
    stack: Stack,
    operation_type: OperationType,
    principal: Principal,
    options: PlanOptions | None = None,
    *,
    requires_approval: bool = False,
) -> Operation:
    """Queue an operation on ``stack`` and have it rung if nothing is before it.

    Args:
        session: the open transaction.
        stack: what to work on.
        operation_type: what to do.
        principal: who asks.
        options: choices for its plan.
        requires_approval: whether a person must see the plan whatever the stack's rule says.
    """
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
        options=options.to_dict() if options else {},
        requires_approval=requires_approval,
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
            _HOLDS,
        )
        .order_by(Operation.id)
        .limit(1)
    ).first()


def unfinished_destroy(session: Session, stack: Stack) -> Operation | None:
    """Return the destroy of a stack that is queued or running, if there is one."""
    return session.scalars(
        select(Operation).where(
            Operation.stack_id == stack.id,
            Operation.type == OperationType.DESTROY,
            Operation.status.not_in(FINAL),
        )
    ).first()


def ring_next(session: Session, stack_id: str) -> None:
    """Have the next operation of the stack rung after commit, unless it was rung before."""
    operation = next_in_line(session, stack_id)
    if operation is not None and operation.attempt == 0:
        ring_after_commit(session, operation)


def waiting_for(session: Session, operation: Operation) -> dict[str, Any] | None:
    """Say in words why the operation does not go on, or ``None`` when it runs or has ended."""
    return waits_of(session, [operation]).get(operation.id)


def waits_of(session: Session, operations: Sequence[Operation]) -> dict[str, dict[str, Any]]:
    """Say in words why each operation does not go on, by id, with the same few queries for all.

    Those that run or have ended are left out.
    """
    waits: dict[str, dict[str, Any]] = {
        item.id: {
            "reason": "approval",
            "detail": "The plan waits for a person to approve or discard it.",
        }
        for item in operations
        if item.status == OperationStatus.PLANNED and item.approved_at is None
    }
    pending = [item for item in operations if item.status == OperationStatus.PENDING]
    if not pending:
        return waits
    queue, volume = _queued_ids(session), _volume_trouble(session)
    stacks = {item.stack_id for item in pending}
    holders = _first_by_stack(session, stacks, _HOLDS)
    firsts = _first_by_stack(session, stacks, Operation.status == OperationStatus.PENDING)
    for item in pending:
        holder, first = holders.get(item.stack_id), firsts.get(item.stack_id)
        if holder is not None:
            waits[item.id] = _waits_for_holder(holder)
        elif first is not None and first.id != item.id:
            detail = f"An earlier {first.type} of this stack is queued."
            waits[item.id] = {"reason": "operation", "operation_id": first.id, "detail": detail}
        else:
            waits[item.id] = volume or _waits_for_worker(bisect_left(queue, item.id))
    return waits


def _first_by_stack(
    session: Session, stack_ids: Collection[str], condition: ColumnElement[bool]
) -> dict[str, Operation]:
    """Return the oldest operation of each stack that meets ``condition``."""
    oldest = (
        select(func.min(Operation.id))
        .where(Operation.stack_id.in_(sorted(stack_ids)), condition)
        .group_by(Operation.stack_id)
    )
    rows = session.scalars(select(Operation).where(Operation.id.in_(oldest))).unique()
    return {row.stack_id: row for row in rows}


def _queued_ids(session: Session) -> Sequence[str]:
    """Return the ids of pending operations in order, at most as many as are worth counting."""
    query = select(Operation.id).where(Operation.status == OperationStatus.PENDING)
    return session.scalars(query.order_by(Operation.id).limit(COUNTED)).all()


def _volume_trouble(session: Session) -> dict[str, Any] | None:
    """Return why nothing can start, as the scheduler last saw the state volume."""
    fact = session.get(InstallationFact, VOLUME_TROUBLE)
    return {"reason": "volume", **fact.value} if fact is not None and fact.value else None


def _waits_for_holder(holder: Operation) -> dict[str, Any]:
    return {
        "reason": "unsaved_state" if holder.has_unsaved_state else "operation",
        "operation_id": holder.id,
        "detail": _why_held(holder),
    }


def _waits_for_worker(ahead: int) -> dict[str, Any]:
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
