"""Claim an operation under a lease, and write only while the fence is ours.

Compare-and-set in SQL: the fence grows with each claim, and every later write names it. Whoever
lost the fence gets ``FenceLostError`` and must write nothing more, least of all state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import boot_seconds
from app.db import database_now
from app.domain.operation_errors import FenceLostError
from app.domain.operation_facts import OperationFacts
from app.domain.operation_registry import facts_of
from app.domain.operations import OWNED, OperationStatus
from app.domain.plan_options import PlanOptions
from app.domain.queueing import SYSTEM
from app.domain.stacks import StackStatus, status_while
from app.models import Operation
from app.services.context import Context
from app.services.installation.instances import is_gone
from app.services.projects.change_control import must_wait
from app.services.queue.order import WITH_STACK, is_blocked, lock_of, next_in_line
from app.services.queue.status import move
from app.tracing.context import TraceContext, parse_traceparent

INSTANCE = "instance_id"
"""Where the identity of a process names the instance that it belongs to."""

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """Where an operation comes from, and what it waited for since then.

    Args:
        request_id: the request that asked for it; None for what Landform asks itself.
        trace: the span that asked for it.
        waits: what it waited for, with beginning and end.
    """

    request_id: str | None = None
    trace: TraceContext | None = None
    waits: tuple[tuple[str, datetime, datetime], ...] = ()


@dataclass(frozen=True)
class Claim:
    """The right of this process to work on one operation.

    ``is_preemptible`` says that it is a scheduled check, for which people do not wait.
    ``taken_at`` is when its lease began, by ``app.clock.boot_seconds``.
    """

    operation_id: str
    stack_id: str
    facts: OperationFacts
    fence: int
    is_approved: bool
    is_preemptible: bool
    options: PlanOptions
    taken_at: float = field(default_factory=boot_seconds, compare=False)
    origin: Origin = field(default=Origin(), compare=False)


def claim(ctx: Context, operation_id: str, owner: str, process: dict[str, Any]) -> Claim | None:
    """Take an operation that may run now, or return nothing.

    Args:
        ctx: the adapters.
        operation_id: which one.
        owner: readable name of this worker.
        process: identity of this process, by which the reaper tells dead from silent, with
            the id of its instance.
    """
    try:
        with ctx.write() as session:
            operation = session.get(
                Operation, operation_id, options=WITH_STACK, with_for_update={"of": Operation}
            )
            if operation is None or not _may_start(session, operation):
                return None
            if is_gone(session, process.get(INSTANCE)):
                return None  # others would take it over at once
            taken = _take(ctx, session, operation, owner, process)
            session.flush()
            return taken
    except IntegrityError:
        return None  # another operation became active first; its end notifies of this one


def claim_checks(
    ctx: Context,
    choose: Callable[[Session], Sequence[str]],
    owner: str,
    process: dict[str, Any],
) -> list[Claim]:
    """Take scheduled checks that may run now, for one process to make them one after another.

    Args:
        ctx: the adapters.
        choose: returns their ids, in the transaction that takes them.
        owner: readable name of this worker.
        process: identity of this process.

    Returns:
        Those that nobody else took first, oldest first.
    """
    try:
        with ctx.write() as session:
            if is_gone(session, process.get(INSTANCE)):
                return []
            query = select(Operation).where(
                Operation.id.in_(choose(session)), Operation.status == OperationStatus.PENDING
            )
            locked = query.order_by(Operation.id).with_for_update(of=Operation, skip_locked=True)
            found = session.scalars(locked.options(*WITH_STACK)).all()
            taken = [_take(ctx, session, operation, owner, process) for operation in found]
            session.flush()
            return taken
    except IntegrityError:
        return []  # work on one of the stacks began at this moment


def _take(
    ctx: Context, session: Session, operation: Operation, owner: str, process: dict[str, Any]
) -> Claim:
    taken_at = boot_seconds()
    is_approved = operation.status == OperationStatus.PLANNED
    now = database_now(session)
    origin = _origin(operation, now)
    if is_approved:
        begin_applying(operation)
    else:
        operation.stack_status_before = operation.stack.status
        move(operation, OperationStatus.PLANNING)
    operation.fence += 1
    operation.owner, operation.owner_process = owner, process
    operation.instance_id = process.get(INSTANCE)
    operation.taken_over_at = None
    _extend(ctx, operation, now)
    return Claim(
        operation.id,
        operation.stack_id,
        facts_of(operation.type),
        operation.fence,
        is_approved,
        facts_of(operation.type).checks_drift and operation.requested_by == SYSTEM,
        PlanOptions.from_dict(operation.options),
        taken_at,
        origin,
    )


def _origin(operation: Operation, now: datetime) -> Origin:
    """Return where an operation comes from, before its status tells of the claim."""
    waits: tuple[tuple[str, datetime, datetime], ...]
    moves = operation.transitions
    since = datetime.fromisoformat(moves[-1]["at"]) if moves else operation.created_at
    if operation.status == OperationStatus.PLANNED and operation.approved_at is not None:
        waits = ("approval", since, operation.approved_at), ("queue", operation.approved_at, now)
    else:
        waits = (("queue", since, now),)
    return Origin(operation.request_id, parse_traceparent(operation.traceparent), waits)


def rehearse(ctx: Context) -> bool:
    """Read what every claim reads, and tell whether there was an operation to read.

    A horse inherits from its worker the statements that SQLAlchemy has put together, which would
    cost it more than all that it asks of SQL until Terraform starts.
    """
    with ctx.write() as session:
        latest = session.scalar(select(Operation.id).order_by(Operation.id.desc()).limit(1))
        if latest is None:
            return False
        operation = session.get_one(Operation, latest, with_for_update={"of": Operation})
        lock_of(session, operation.stack_id)
        next_in_line(session, operation.stack_id)
        must_wait(session, operation)
        is_gone(session, None)
    return True


def write_fenced(
    ctx: Context,
    claim: Claim,
    work: Callable[[Session, Operation], T],
    patience_seconds: float | None = None,
) -> T:
    """Do ``work`` on a claimed operation in a transaction that outlasts a database outage.

    Args:
        ctx: the adapters.
        claim: whose operation; it is given to ``work``, locked.
        work: is called again when its transaction was lost.
        patience_seconds: how long to try; the patience of this process by default.

    Raises:
        FenceLostError: the operation was claimed by another process, or has ended.
    """

    def attempt(session: Session) -> T:
        return work(session, _held(session, claim))

    return ctx.persist(attempt, patience_seconds)


def _held(session: Session, claim: Claim) -> Operation:
    operation = session.get(
        Operation, claim.operation_id, options=WITH_STACK, with_for_update={"of": Operation}
    )
    if operation is None or operation.fence != claim.fence or operation.status not in OWNED:
        raise FenceLostError(f"Operation {claim.operation_id} has another owner.")
    return operation


def still_held(session: Session, claims: Sequence[Claim]) -> list[tuple[Claim, Operation]]:
    """Return, locked, the operations of those claims that nobody else has taken over."""
    fences = {item.operation_id: item for item in claims}
    query = select(Operation).where(Operation.id.in_(fences), Operation.status.in_(OWNED))
    locked = query.order_by(Operation.id).with_for_update(of=Operation).options(*WITH_STACK)
    rows = [(fences[row.id], row) for row in session.scalars(locked)]
    return [(claim, row) for claim, row in rows if claim.fence == row.fence]


@dataclass(frozen=True)
class Asked:
    """What people have asked of a running operation meanwhile."""

    is_cancel: bool
    is_force: bool


def write_beside(
    ctx: Context,
    claim: Claim,
    work: Callable[[Session], None],
    patience_seconds: float | None = None,
) -> Asked:
    """Write rows beside a claimed operation, which is not loaded; it outlasts a database outage.

    An operation brings its stack and all that hangs on it; whoever writes several times a second
    needs only the fence.

    Args:
        ctx: the adapters.
        claim: whose operation.
        work: is called again when its transaction was lost.
        patience_seconds: how long to try; the patience of this process by default.

    Returns:
        What people have asked of the operation meanwhile.

    Raises:
        FenceLostError: the operation was claimed by another process, or has ended.
    """
    query = select(Operation.status, Operation.force_requested_at).where(
        Operation.id == claim.operation_id,
        Operation.fence == claim.fence,
        Operation.status.in_(OWNED),
    )

    def attempt(session: Session) -> Asked:
        held = session.execute(query.with_for_update(of=Operation)).one_or_none()
        if held is None:
            raise FenceLostError(f"Operation {claim.operation_id} has another owner.")
        work(session)
        status, forced_at = held
        return Asked(status == OperationStatus.CANCELING, forced_at is not None)

    return ctx.persist(attempt, patience_seconds)


def begin_applying(operation: Operation) -> None:
    """Mark that Terraform is about to change the cloud."""
    move(operation, OperationStatus.APPLYING)
    operation.has_applied = True
    stack = operation.stack
    wanted = status_while(operation.type, StackStatus(stack.status))
    if wanted != stack.status:
        stack.status = wanted.value
        stack.version += 1


def _may_start(session: Session, operation: Operation) -> bool:
    if operation.status == OperationStatus.PLANNED:
        if operation.approved_at is None or _is_blocked(session, operation):
            return False
        return must_wait(session, operation) is None
    if operation.status != OperationStatus.PENDING:
        return False
    first = next_in_line(session, operation.stack_id)
    return first is not None and first.id == operation.id


def _is_blocked(session: Session, operation: Operation) -> bool:
    query = select(Operation.id).where(Operation.id == operation.id, is_blocked(Operation))
    return session.scalar(query) is not None


def _extend(ctx: Context, operation: Operation, now: datetime) -> None:
    operation.heartbeat_at = now
    operation.lease_expires_at = now + timedelta(seconds=ctx.settings.lease_seconds)
