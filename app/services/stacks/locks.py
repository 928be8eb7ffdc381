"""People lock a stack so that nothing that changes it starts; and who writes to it now.

A person's lock lives in SQL and survives everything. The writer's lock is the operating system's,
held by the process that runs Terraform and by Terraform itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OWNED, OperationStatus
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.errors import (
    ConflictError,
    NotFoundError,
    PreconditionFailedError,
    StackLockedError,
    UnavailableError,
)
from app.models import Operation, Stack, StackLock
from app.services import audit
from app.services.access import Principal, require
from app.services.context import Context, notify_after_commit
from app.services.lookup import stack_by_id
from app.services.queue.order import lock_of, next_in_line
from app.services.work import Work
from app.terraform.identity import ProcessIdentity


class WriterVerdict(StrEnum):
    """Who, if anybody, may be writing to a stack's state."""

    FREE = "free"
    LIVE = "live"
    ORPHANED = "orphaned"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Writer:
    """What is known of the process that changes a stack; ``operation`` is the one it works on."""

    verdict: WriterVerdict
    detail: str
    operation: Operation | None


@dataclass(frozen=True)
class LockState:
    """The lock of a person, if there is one, and the writer."""

    stack: Stack
    lock: StackLock | None
    writer: Writer


def read_lock(ctx: Context, principal: Principal, stack_id: str) -> LockState:
    """Return who keeps a stack from being changed, and who changes it now.

    Raises:
        NotFoundError: there is no such stack, or it is in a project the caller cannot see.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        owned = session.scalars(
            select(Operation).where(Operation.stack_id == stack_id, Operation.status.in_(OWNED))
        ).first()
        lock = lock_of(session, stack_id)
    return LockState(stack, lock, _judge_writer(ctx, stack_id, owned))


def lock_stack(work: Work, stack_id: str, reason: str) -> StackLock:
    """Keep what changes a stack from starting; what runs already goes on.

    The holder may call it again to give another reason.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        StackLockedError: somebody else holds it.
        ConflictError: the stack is deleted.
    """
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STACK_WRITE)
    if stack.status == StackStatus.DELETED:
        raise ConflictError(f"Stack {stack.name!r} is deleted.", advice="There is nothing to lock.")
    refuse_locked(work, stack)
    lock = lock_of(work.session, stack_id)
    if lock is None:
        lock = StackLock(stack_id=stack_id, holder_id=work.principal.id, since=utc_now())
        work.session.add(lock)
    lock.holder, lock.reason = work.principal.name, reason
    _audit(work, "stack.lock", stack, lock)
    return lock


def unlock_stack(work: Work, stack_id: str, expected_version: int | None) -> None:
    """Let operations start again; taking away another's lock needs ``lock:force``.

    Args:
        work: of who asks.
        stack_id: whose lock.
        expected_version: ``version_of`` the lock that the caller saw; None takes any.

    Raises:
        NotFoundError: the stack is not locked, or there is no such stack.
        PreconditionFailedError: it is another lock meanwhile.
        PermissionDeniedError: the caller lacks the right.
    """
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STACK_WRITE)
    lock = lock_of(work.session, stack_id)
    if lock is None:
        raise NotFoundError(f"Stack {stack.name!r} is not locked.")
    if expected_version not in (None, version_of(lock)):
        raise PreconditionFailedError(f"Stack {stack.name!r} was locked anew by {lock.holder}.")
    is_own = lock.holder_id == work.principal.id
    if not is_own:
        require(work.principal, Right.LOCK_FORCE, stack.project_id, f"stack {stack_id!r}")
    action = "stack.unlock" if is_own else "stack.unlock_force"
    _audit(work, action, stack, lock)
    work.session.delete(lock)
    work.session.flush()
    _notify_waiting(work.session, stack_id)


def refuse_locked(work: Work, stack: Stack) -> None:
    """Raise unless the stack is free, or locked by the caller.

    Raises:
        StackLockedError: somebody else holds it.
    """
    lock = lock_of(work.session, stack.id)
    if lock is not None and lock.holder_id != work.principal.id:
        raise StackLockedError(
            f"Stack {stack.name!r} is locked by {lock.holder}: {lock.reason}",
            context={"holder": lock.holder},
        )


def version_of(lock: StackLock | None) -> int:
    """Return the number that stands for this lock in its ETag; 0 without a lock."""
    return int(lock.since.timestamp() * 1_000_000) if lock is not None else 0


def _notify_waiting(session: Session, stack_id: str) -> None:
    """Notify a worker of what waited for the lock: an approved plan, or the next in line."""
    approved = session.scalars(
        select(Operation).where(
            Operation.stack_id == stack_id,
            Operation.status == OperationStatus.PLANNED,
            Operation.approved_at.is_not(None),
        )
    ).first()
    waiting = approved or next_in_line(session, stack_id)
    if waiting is not None:
        notify_after_commit(session, waiting)


def _judge_writer(ctx: Context, stack_id: str, owned: Operation | None) -> Writer:
    try:
        is_held = ctx.state_store(stack_id).is_held(stack_id)
        is_alive = owned is not None and _is_alive(owned)
    except UnavailableError as error:
        return Writer(WriterVerdict.UNKNOWN, error.detail, owned)
    if owned is not None and is_alive:
        return Writer(WriterVerdict.LIVE, f"{owned.owner} works on {owned.id}.", owned)
    if owned is not None:
        detail = f"The worker of {owned.id} is gone; its state is saved within seconds."
        return Writer(WriterVerdict.ORPHANED, detail, owned)
    if is_held:
        detail = "A process holds the writer's lock that belongs to no running operation."
        return Writer(WriterVerdict.ORPHANED, detail, None)
    return Writer(WriterVerdict.FREE, "Nothing writes to this stack.", None)


def _is_alive(operation: Operation) -> bool:
    """Tell whether the worker or its Terraform lives.

    Raises:
        UnavailableError: they run on another host.
    """
    recorded = [item for item in (operation.owner_process, operation.process) if item is not None]
    return any(ProcessIdentity.from_dict(item).is_alive() for item in recorded)


def _audit(work: Work, action: str, stack: Stack, lock: StackLock) -> None:
    audit.record_stack(
        work,
        action,
        stack,
        holder=lock.holder,
        reason=lock.reason,
    )
