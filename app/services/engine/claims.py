"""Claim an operation, keep its lease, and write only while the fence is ours.

Compare-and-set in SQL: the fence grows with each claim, and every later write names it. Whoever
lost the fence gets ``FenceLostError`` and must write nothing more, least of all state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OWNED, OperationStatus, OperationType
from app.domain.plan_options import PlanOptions
from app.domain.queueing import SYSTEM
from app.domain.stacks import StackStatus, status_while
from app.errors import FenceLostError
from app.logs import get_logger
from app.models import Operation
from app.services.change_control import must_wait
from app.services.context import Context
from app.services.operation_queue import WITH_STACK, lock_of, next_in_line
from app.services.operation_status import move

log = get_logger(__name__)


@dataclass(frozen=True)
class Claim:
    """The right of this process to work on one operation.

    ``gives_way`` says that it is a check of the clock, for which people do not wait.
    """

    operation_id: str
    stack_id: str
    type: OperationType
    fence: int
    is_approved: bool
    gives_way: bool
    options: PlanOptions


def claim(ctx: Context, operation_id: str, owner: str, process: dict[str, Any]) -> Claim | None:
    """Take an operation that may run now, or return nothing.

    Args:
        ctx: the adapters.
        operation_id: which one.
        owner: readable name of this worker.
        process: identity of this process, by which the reaper tells dead from silent.
    """
    try:
        with ctx.write() as session:
            operation = session.get(
                Operation, operation_id, options=WITH_STACK, with_for_update={"of": Operation}
            )
            if operation is None or not _may_start(session, operation):
                return None
            taken = _take(ctx, operation, owner, process)
            session.flush()
            return taken
    except IntegrityError:
        return None  # another operation of the stack became active first; its end rings this one


def claim_checks(
    ctx: Context,
    choose: Callable[[Session], Sequence[str]],
    owner: str,
    process: dict[str, Any],
) -> list[Claim]:
    """Take checks of the clock that may run now, for one process to make them one after another.

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
            query = select(Operation).where(
                Operation.id.in_(choose(session)), Operation.status == OperationStatus.PENDING
            )
            locked = query.order_by(Operation.id).with_for_update(of=Operation, skip_locked=True)
            found = session.scalars(locked.options(*WITH_STACK)).all()
            taken = [_take(ctx, operation, owner, process) for operation in found]
            session.flush()
            return taken
    except IntegrityError:
        return []  # work on one of the stacks began at this moment


def _take(ctx: Context, operation: Operation, owner: str, process: dict[str, Any]) -> Claim:
    is_approved = operation.status == OperationStatus.PLANNED
    if is_approved:
        begin_applying(operation)
    else:
        operation.stack_status_before = operation.stack.status
        move(operation, OperationStatus.PLANNING)
    operation.fence += 1
    operation.owner, operation.owner_process = owner, process
    _extend(ctx, operation)
    return Claim(
        operation.id,
        operation.stack_id,
        OperationType(operation.type),
        operation.fence,
        is_approved,
        operation.type == OperationType.DRIFT_CHECK and operation.requested_by == SYSTEM,
        PlanOptions.from_dict(operation.options),
    )


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
    return True


@contextmanager
def fenced(ctx: Context, claim: Claim) -> Iterator[tuple[Session, Operation]]:
    """Open a writing transaction on a claimed operation.

    Raises:
        FenceLostError: the operation was claimed by another process, or has ended.
    """
    with ctx.write() as session:
        operation = session.get(
            Operation, claim.operation_id, options=WITH_STACK, with_for_update={"of": Operation}
        )
        if operation is None or operation.fence != claim.fence or operation.status not in OWNED:
            raise FenceLostError(f"Operation {claim.operation_id} has another owner.")
        yield session, operation


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


@contextmanager
def writing(ctx: Context, claim: Claim) -> Iterator[tuple[Session, Asked]]:
    """Open a writing transaction for rows beside a claimed operation, which is not loaded.

    An operation brings its stack and all that hangs on it; whoever writes several times a second
    needs only the fence.

    Raises:
        FenceLostError: the operation was claimed by another process, or has ended.
    """
    query = select(Operation.status, Operation.force_requested_at).where(
        Operation.id == claim.operation_id,
        Operation.fence == claim.fence,
        Operation.status.in_(OWNED),
    )
    with ctx.write() as session:
        held = session.execute(query.with_for_update(of=Operation)).one_or_none()
        if held is None:
            raise FenceLostError(f"Operation {claim.operation_id} has another owner.")
        status, forced_at = held
        yield session, Asked(status == OperationStatus.CANCELING, forced_at is not None)


def begin_applying(operation: Operation) -> None:
    """Mark that Terraform is about to change the cloud."""
    move(operation, OperationStatus.APPLYING)
    operation.has_applied = True
    stack = operation.stack
    wanted = status_while(OperationType(operation.type), StackStatus(stack.status))
    if wanted != stack.status:
        stack.status = wanted.value
        stack.version += 1


class Heartbeat:
    """Renews the lease of a claim; ``poll`` is called many times a second while the work goes on.

    It has no thread of its own on purpose. The kernel interrupts Terraform once for each thread of
    a worker that dies after the one that started it, and at a second interrupt Terraform drops what
    it is creating (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self, ctx: Context, claim: Claim) -> None:
        """Begin with the lease that the claim brought."""
        self._ctx = ctx
        self._claim = claim
        self._beaten_at = time.monotonic()
        self.is_lost = False

    def poll(self) -> None:
        """Renew the lease if it is time."""
        now = time.monotonic()
        if now - self._beaten_at < self._ctx.settings.lease_seconds / 4:
            return
        self._beaten_at = now
        try:
            self.is_lost = not self._beat()
        except SQLAlchemyError as error:
            # The lease lapses if this goes on; the reaper then finds this process alive.
            log.warning("heartbeat_failed", operation_id=self._claim.operation_id, error=str(error))

    def _beat(self) -> bool:
        now = utc_now()
        renewal = (
            update(Operation)
            .where(
                Operation.id == self._claim.operation_id,
                Operation.fence == self._claim.fence,
                Operation.status.in_(OWNED),
            )
            .values(
                heartbeat_at=now,
                lease_expires_at=now + timedelta(seconds=self._ctx.settings.lease_seconds),
            )
        )
        with self._ctx.write() as session:
            renewed = session.execute(renewal.returning(Operation.id)).scalar_one_or_none()
            return renewed is not None


def _may_start(session: Session, operation: Operation) -> bool:
    if operation.status == OperationStatus.PLANNED:
        if operation.approved_at is None or lock_of(session, operation.stack_id) is not None:
            return False
        return must_wait(session, operation) is None
    if operation.status != OperationStatus.PENDING:
        return False
    first = next_in_line(session, operation.stack_id)
    return first is not None and first.id == operation.id


def _extend(ctx: Context, operation: Operation) -> None:
    now = utc_now()
    operation.heartbeat_at = now
    operation.lease_expires_at = now + timedelta(seconds=ctx.settings.lease_seconds)
