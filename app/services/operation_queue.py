"""Which operation of a stack runs next.

Operations of one stack run in the order in which they were asked for, but for the checks of the
clock: they give way to all else. ``ring_freed`` is called by whoever frees a stack; the sweeper
finds rings that were lost.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, select
from sqlalchemy.orm import Session, joinedload, lazyload

from app.clock import utc_now
from app.domain import ids
from app.domain.operations import ACTIVE, FINAL, OperationStatus, OperationType
from app.domain.plan_options import PlanOptions
from app.domain.queueing import SYSTEM
from app.models import Operation, Stack, StackLock
from app.services.access import Principal
from app.services.context import ring_after_commit
from app.services.reference_waits import awaiting, waits_for_reference

# The stack and the steps of an operation are a dozen queries more; who needs them gets them later.
ROW_ALONE = lazyload("*")
STACK_ALONE = (
    lazyload(Stack.references),
    lazyload(Stack.referenced_by),
    lazyload(Stack.outputs),
)
WITH_STACK = (lazyload(Operation.steps), joinedload(Operation.stack).options(*STACK_ALONE))


def holds(operation: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that an operation holds its stack."""
    return operation.status.in_(ACTIVE) | operation.has_unsaved_state


def is_blocked(operation: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that a person's lock keeps an operation from starting."""
    lock = exists().where(StackLock.stack_id == operation.stack_id)
    return lock & operation.type.in_([kind for kind in OperationType if kind.may_mutate])


def gives_way(operation: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that an operation is one of the clock's: people do not wait for it.

    In a sweep over a fleet it may be queued for long.
    """
    is_check = operation.type == OperationType.DRIFT_CHECK
    return is_check & (operation.requested_by == SYSTEM)


def goes_before(earlier: type[Operation], later: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that of two pending operations of a stack the one goes first."""
    in_order = (earlier.id < later.id) & (~gives_way(earlier) | gives_way(later))
    return in_order | (~gives_way(earlier) & gives_way(later))


def lock_of(session: Session, stack_id: str) -> StackLock | None:
    """Return the lock that a person put on the stack, as it is now."""
    return session.scalar(select(StackLock).where(StackLock.stack_id == stack_id))


def add_operation(
    session: Session,
    stack: Stack,
    operation_type: OperationType,
    principal: Principal,
    options: PlanOptions | None = None,
    *,
    requires_approval: bool = False,
    is_rung: bool = True,
) -> Operation:
    """Queue an operation on ``stack`` and have it rung if nothing is before it.

    Args:
        session: the open transaction.
        stack: what to work on.
        operation_type: what to do.
        principal: who asks.
        options: choices for its plan.
        requires_approval: whether a person must see the plan whatever the stack's rule says.
        is_rung: whether it is rung here; else ``app.services.dispatch.ring_checks`` does it.
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
        overrides_windows=False,
        has_unsaved_state=False,
    )
    session.add(operation)
    session.flush()
    if is_rung:
        ring_next(session, stack.id)
    return operation


def next_in_line(session: Session, stack_id: str) -> Operation | None:
    """Return the pending operation that may start now, or nothing while the stack is held.

    A check of the clock comes last. On a stack that a person has locked, what only looks passes
    what waits to change it. Nothing passes what waits for another stack.
    """
    if holder_of(session, stack_id) is not None:
        return None
    first = session.execute(_first_pending(), {"stack_id": stack_id}).first()
    return None if first is None or first[1] else first[0]


@cache  # putting it together costs more than asking it, and each POST asks
def _first_pending() -> Select[Any]:
    return (
        select(Operation, waits_for_reference(Operation))
        .where(
            Operation.stack_id == bindparam("stack_id"),
            Operation.status == OperationStatus.PENDING,
            ~is_blocked(Operation),
        )
        .order_by(gives_way(Operation), Operation.id)
        .limit(1)
        .options(ROW_ALONE)
    )


def holder_of(session: Session, stack_id: str) -> Operation | None:
    """Return the operation that holds the stack: an active one, or one with state to save."""
    return session.scalars(
        select(Operation)
        .where(
            Operation.stack_id == stack_id,
            holds(Operation),
        )
        .order_by(Operation.id)
        .limit(1)
        .options(ROW_ALONE)
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


def ring_freed(session: Session, *stack_ids: str) -> None:
    """Have rung what may start now that operations of those stacks have ended.

    That is the next one of each stack itself, and those of stacks that waited for it.
    """
    for stack_id in awaiting(session, stack_ids):
        ring_next(session, stack_id)
