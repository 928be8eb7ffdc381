"""Which operation of a stack runs next.

Operations of one stack run in the order in which they were asked for, as SQL knows it (their ids
grow by its clock, whichever host makes them), but for scheduled checks: they are preempted by all
else. ``notify_freed`` is called by whoever frees a stack;
``redelivery`` finds operations whose notification was lost.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload, lazyload

from app.db import database_now
from app.domain import ids
from app.domain.operation_registry import facts_of, types_where
from app.domain.operations import ACTIVE, FINAL, OperationStatus
from app.domain.plan_options import PlanOptions
from app.domain.queueing import SYSTEM
from app.models import Operation, Stack, StackLock
from app.services.access import Principal
from app.services.context import notify_after_commit
from app.services.queue.interruptions import is_held_back, refuse_unresolved
from app.services.queue.reference_waits import awaiting, waits_for_reference
from app.tracing.tracer import begin_or_join

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
    """Return the SQL condition that a lock, or an unresolved interruption, keeps it from starting.

    Both keep back what can change the stack, by the declared fact of its type.
    """
    lock = exists().where(StackLock.stack_id == operation.stack_id)
    may_mutate = operation.type.in_(types_where(lambda facts: facts.may_mutate))
    return (lock | is_held_back(operation)) & may_mutate


def is_preemptible(operation: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that an operation is a scheduled check: people do not wait for it.

    In a sweep over a fleet it may be queued for long.
    """
    is_check = operation.type.in_(types_where(lambda facts: facts.checks_drift))
    return is_check & (operation.requested_by == SYSTEM)


def goes_before(earlier: type[Operation], later: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that of two pending operations of a stack the one goes first."""
    in_order = (earlier.id < later.id) & (~is_preemptible(earlier) | is_preemptible(later))
    return in_order | (~is_preemptible(earlier) & is_preemptible(later))


def lock_of(session: Session, stack_id: str) -> StackLock | None:
    """Return the lock that a person put on the stack, as it is now."""
    return session.scalar(select(StackLock).where(StackLock.stack_id == stack_id))


def add_operation(
    session: Session,
    stack: Stack,
    operation_type: str,
    principal: Principal,
    options: PlanOptions | None = None,
    *,
    requires_approval: bool = False,
    is_first: bool = False,
    is_notified: bool = True,
    resolves: Operation | None = None,
) -> Operation:
    """Queue an operation on ``stack`` and have a worker notified if nothing is before it.

    Args:
        session: the open transaction.
        stack: what to work on.
        operation_type: what to do.
        principal: who asks.
        options: choices for its plan.
        requires_approval: whether a person must see the plan whatever the stack's rule says.
        is_first: whether the caller's transaction made the stack, so that nothing else can be
            queued on it and nothing can hold it.
        is_notified: whether a worker is notified here; else ``dispatch.notify_checks`` does it.
        resolves: the interrupted operation that this one is the decision about.

    Raises:
        OrphansUnresolvedError: it could change the stack, and an interruption is not resolved.
    """
    if resolves is None and not is_first:
        refuse_unresolved(session, stack, operation_type)
    trace = begin_or_join("schedule", landform__operation__type=facts_of(operation_type).name)
    now = database_now(session)
    last = None if is_first else session.scalar(_newest(), {"stack_id": stack.id})
    operation = Operation(
        id=ids.id_after(ids.OPERATION, now, last),
        stack_id=stack.id,
        stack=stack,
        type=facts_of(operation_type).name,
        status=OperationStatus.PENDING.value,
        requested_by=principal.name,
        request_id=principal.request_id,
        traceparent=trace.header() if trace is not None else None,
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
        holds_back=False,
        resolves_id=resolves.id if resolves is not None else None,
    )
    _write(session, operation, is_notified=is_notified, may_start=is_first and not stack.references)
    return operation


def _write(session: Session, operation: Operation, *, is_notified: bool, may_start: bool) -> None:
    """Write a new operation, and have a worker notified of the next one of its stack.

    Of one that may start at once that is noted before it is written: one statement instead of two.
    """
    session.add(operation)
    if is_notified and may_start:
        notify_after_commit(session, operation)
    session.flush()
    if is_notified and not may_start:
        notify_next(session, operation.stack_id)


@cache
def _newest() -> Select[Any]:
    return select(func.max(Operation.id)).where(Operation.stack_id == bindparam("stack_id"))


def next_in_line(session: Session, stack_id: str) -> Operation | None:
    """Return the pending operation that may start now, or nothing while the stack is held.

    A scheduled check comes last. On a stack that a person has locked, what only looks passes
    what waits to change it. Nothing passes what waits for another stack.
    """
    first = session.execute(_first_pending(), {"stack_id": stack_id}).first()
    return None if first is None or first[1] else first[0]


@cache  # putting it together costs more than asking it, and each POST asks
def _first_pending() -> Select[Any]:
    other = aliased(Operation)
    is_held = exists().where(other.stack_id == bindparam("stack_id"), holds(other))
    return (
        select(Operation, waits_for_reference(Operation))
        .where(
            Operation.stack_id == bindparam("stack_id"),
            Operation.status == OperationStatus.PENDING,
            ~is_blocked(Operation),
            ~is_held,
        )
        .order_by(is_preemptible(Operation), Operation.id)
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
            Operation.type.in_(types_where(lambda facts: facts.destroys)),
            Operation.status.not_in(FINAL),
        )
    ).first()


def notify_next(session: Session, stack_id: str) -> None:
    """Have a worker notified of the stack's next operation after the commit, unless one was."""
    operation = next_in_line(session, stack_id)
    if operation is not None and operation.attempt == 0:
        notify_after_commit(session, operation)


def notify_freed(session: Session, *stack_ids: str) -> None:
    """Have workers notified of what may start now that operations of those stacks have ended.

    That is the next one of each stack itself, and those of stacks that waited for it.
    """
    for stack_id in awaiting(session, stack_ids):
        notify_next(session, stack_id)
