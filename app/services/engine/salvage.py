"""After a death: find operations whose process is gone, save what it left, and end them.

An apply is never repeated by itself. Its state is saved, what Terraform began to create and never
recorded is named, and a drift check shows people reality. A plan that died changed nothing, so it
is queued again.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import FINAL, OWNED, OperationStatus, OperationType
from app.domain.state_file import StateFile
from app.errors import LandformError, OperationInterruptedError, StateError, UnavailableError
from app.logs import get_logger
from app.models import Operation, OperationEvent
from app.services.context import Context, ring_after_commit
from app.services.engine import check_ending, ending, state_keeping
from app.services.engine.giving_way import GAVE_WAY
from app.services.engine.orphans import find_orphans
from app.services.operation_queue import ring_freed
from app.services.operation_status import move
from app.storage.run_directory import RunDirectory
from app.terraform.identity import ProcessIdentity, find_working_in

MAX_DEATHS = 5

log = get_logger(__name__)


def reap(ctx: Context) -> list[str]:
    """Deal with every operation of this host whose owner is gone; return their ids."""
    with ctx.read() as session:
        owned = session.scalars(select(Operation).where(Operation.status.in_(OWNED))).all()
    dealt_with = []
    for operation in owned:
        try:
            if not _is_abandoned(ctx, operation):
                _end_stuck_terraform(ctx, operation)
            elif _recover(ctx, operation.id, operation.fence):
                dealt_with.append(operation.id)
        except (LandformError, OSError) as error:
            # The next round tries again; meanwhile the others must not wait for this one.
            log.error("recovery_failed", operation_id=operation.id, error=str(error))
    return dealt_with


def interrupt(ctx: Context, operation_id: str, fence: int, reason: str) -> bool:
    """End an apply that cannot go on in its own process, as if that had died.

    Args:
        ctx: the adapters.
        operation_id: which one; its Terraform has ended.
        fence: the caller's; with another one nothing is done.
        reason: the start of a sentence, such as "The worker died".

    Returns:
        Whether it was ended; not when nothing had been changed yet, or the fence is lost.
    """
    with ctx.read() as session:
        operation = session.get_one(Operation, operation_id)
    return operation.has_applied and _recover(ctx, operation_id, fence, reason)


def save_unsaved(ctx: Context) -> None:
    """Try again to promote states that could not be saved when their operation ended."""
    with ctx.read() as session:
        query = select(Operation.id, Operation.stack_id).where(Operation.has_unsaved_state)
        waiting = session.execute(query).all()
    for operation_id, stack_id in waiting:
        if not _answers(ctx, stack_id):
            continue
        directory = ctx.runs.of(operation_id)
        with ctx.write() as session:
            operation = session.get_one(Operation, operation_id)
            if not operation.has_unsaved_state or _save(ctx, session, operation, directory)[1]:
                continue
            operation.has_unsaved_state = False
            _tell(session, operation, "The state of the interrupted run is saved now.")
            session.flush()
            ring_freed(session, operation.stack_id)
        directory.remove()


def remove_leftovers(ctx: Context) -> None:
    """Remove the run directories of operations that have ended with their state saved."""
    names = ctx.runs.leftovers()
    if not names:
        return
    with ctx.read() as session:
        over = session.scalars(
            select(Operation.id).where(
                Operation.id.in_(names),
                Operation.status.in_(FINAL),
                Operation.has_unsaved_state.is_(False),
            )
        ).all()
    for operation_id in over:
        ctx.runs.of(operation_id).remove()


def _answers(ctx: Context, stack_id: str) -> bool:
    """Tell whether the place of a stack's state answers, while nobody in SQL waits for it."""
    try:
        ctx.state_store(stack_id).reach()
    except UnavailableError:
        return False
    return True


def _is_abandoned(ctx: Context, operation: Operation) -> bool:
    """Tell whether neither the worker nor its Terraform lives; a silent live one is left alone.

    A worker that dies between the start of Terraform and the note of its identity leaves one that
    no row knows of. It has had its SIGINT, and is seen by the folder that it works in.
    """
    for recorded in (operation.owner_process, operation.process):
        if recorded is None:
            continue
        try:
            if ProcessIdentity.from_dict(recorded).is_alive():
                return False
        except UnavailableError:
            return False  # it ran on another host, whose own reaper judges it
    return operation.owner_process is not None and not _find_strangers(ctx, operation)


def _find_strangers(ctx: Context, operation: Operation) -> list[ProcessIdentity]:
    """Return what works in the run directory and belongs to no process group that SQL knows."""
    known = operation.process and operation.process["pgid"]
    folder = ctx.runs.of(operation.id).path
    return [found for found in find_working_in(folder) if found.pgid != known]


def _end_stuck_terraform(ctx: Context, operation: Operation) -> None:
    """Kill a Terraform that got its SIGINT when the worker died and has not stopped in time."""
    if operation.owner_process is None or operation.lease_expires_at is None:
        return
    patience = timedelta(seconds=ctx.settings.cancel_grace_seconds)
    if utc_now() < operation.lease_expires_at + patience:
        return
    owner = ProcessIdentity.from_dict(operation.owner_process)
    if not owner.is_local or owner.is_alive():
        return
    recorded = [ProcessIdentity.from_dict(operation.process)] if operation.process else []
    for terraform in (*recorded, *_find_strangers(ctx, operation)):
        if terraform.kill_group():
            log.warning("stuck_terraform_killed", operation_id=operation.id, pid=terraform.pid)


def _recover(ctx: Context, operation_id: str, fence: int, reason: str = "The worker died") -> bool:
    directory = ctx.runs.of(operation_id)
    with ctx.read() as session:
        stack_id = session.get_one(Operation, operation_id).stack_id
    _answers(ctx, stack_id)  # else what is saved below is refused at once, and saved later
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id, with_for_update={"of": Operation})
        if operation.fence != fence or operation.status not in OWNED:
            return False
        operation.fence += 1
        _kill_leftovers(operation)
        log.warning("operation_abandoned", operation_id=operation_id, status=operation.status)
        if operation.has_applied:
            _interrupt(ctx, session, operation, directory, reason)
        else:
            # Before the commit: whoever is rung by it needs the place for a run of its own.
            directory.remove()
            _give_back(session, operation)
        keep = operation.has_unsaved_state or not operation.has_applied
    if not keep:
        directory.remove()
    return True


def _kill_leftovers(operation: Operation) -> None:
    """End what a dead Terraform left of its process group, such as a provisioner's child."""
    if operation.process is not None:
        ProcessIdentity.from_dict(operation.process).kill_group()


def _interrupt(
    ctx: Context, session: Session, operation: Operation, directory: RunDirectory, reason: str
) -> None:
    state, operation.has_unsaved_state = _save(ctx, session, operation, directory)
    operation.possibly_orphaned = find_orphans(directory, state)
    saved = "waits to be saved" if operation.has_unsaved_state else "is saved"
    error = OperationInterruptedError(
        f"{reason} while Terraform was changing the cloud. Its state {saved}."
    )
    if operation.possibly_orphaned:
        count = len(operation.possibly_orphaned)
        error.detail += f" {count} resources may exist without a record."
    _close_steps(operation)
    _tell(session, operation, error.detail)
    ending.end(session, operation, OperationStatus.INTERRUPTED, error)


def _give_back(session: Session, operation: Operation) -> None:
    """Queue an operation again that died before it changed anything, a few times at most."""
    _close_steps(operation)
    if operation.status == OperationStatus.CANCELING:
        _tell(session, operation, "The worker died; nothing had been changed.")
        ending.end(session, operation, OperationStatus.CANCELED)
        return
    deaths = 1 + _count_earlier_deaths(session, operation)
    if deaths >= MAX_DEATHS:
        error = OperationInterruptedError(
            f"The worker died {deaths} times before anything was changed.",
            advice="Look at the worker's log and the machine's memory, then start it again.",
        )
        more: dict[str, Any] = {}
        if operation.type == OperationType.DRIFT_CHECK:
            more = check_ending.give_up(session, operation, error)
        ending.end(session, operation, OperationStatus.ERRORED, error, **more)
        return
    _tell(session, operation, "The worker died before anything was changed; queued again.")
    move(operation, OperationStatus.PENDING)
    ring_after_commit(session, operation)


def _count_earlier_deaths(session: Session, operation: Operation) -> int:
    """Count how often it was queued again without having given way.

    Its rings count nothing: Redis may lose any number of them.
    """
    told = [entry["status"] for entry in operation.transitions]
    queued_again = (OperationStatus.PLANNING, OperationStatus.PENDING)
    query = select(func.count()).where(
        OperationEvent.operation_id == operation.id, OperationEvent.type == GAVE_WAY
    )
    gave_way = session.scalar(query) or 0
    return sum(pair == queued_again for pair in pairwise(told)) - gave_way


def _save(
    ctx: Context, session: Session, operation: Operation, directory: RunDirectory
) -> tuple[StateFile | None, bool]:
    """Promote the newest state that the run left.

    Returns:
        The state to compare events with, and whether something is left unsaved.
    """
    left = directory.newest_valid_state()
    try:
        data = state_keeping.settle(session, ctx.state_store(operation.stack_id), operation, left)
    except (UnavailableError, StateError) as error:
        log.warning("state_unsaved", operation_id=operation.id, error=error.detail)
        return (StateFile.parse(left) if left is not None else None), left is not None
    return (StateFile.parse(data) if data is not None else None), False


def _close_steps(operation: Operation) -> None:
    for step in operation.steps:
        if step.ended_at is None:
            step.status, step.ended_at = "failed", utc_now()
            step.detail = "The worker died."


def _tell(session: Session, operation: Operation, message: str, **data: Any) -> None:
    session.add(
        OperationEvent(
            operation_id=operation.id,
            at=utc_now(),
            type="recovery",
            level="warn",
            message=message,
            data=data or None,
        )
    )
