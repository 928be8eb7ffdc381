"""After a death: find operations whose process is gone, save what it left, and end them.

An apply is never repeated by itself. Its state is saved, what Terraform began to create and never
recorded is named, and a drift check shows people reality. A plan that died changed nothing, so it
is queued again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.db import database_now
from app.domain.fences import Fence
from app.domain.interruptions import OperationInterruptedError
from app.domain.operation_registry import facts_of
from app.domain.operations import OWNED, OperationStatus
from app.domain.plain_words import counted
from app.errors import LandformError, UnavailableError
from app.logs import get_logger
from app.models import Operation
from app.services.context import Context, notify_after_commit
from app.services.engine import check_ending, ending
from app.services.engine.recovery.orphans import find_orphans
from app.services.engine.recovery.save_state import (
    answers,
    fence_for,
    fence_within,
    save_left,
    tell,
)
from app.services.engine.recovery.takeover import find_lost, may_take_over
from app.services.engine.requeueing import WITHOUT_DEATH, count_events
from app.services.engine.traces import record_abandoned, recovering
from app.services.queue.status import move
from app.storage.run_directory import RunDirectory
from app.terraform.identity import ProcessIdentity, find_working_in

MAX_DEATHS = 5
WORKER_DIED = "The worker died"

log = get_logger(__name__)


def reap(ctx: Context) -> list[str]:
    """Recover every operation whose owner is gone, here or on a host that was lost.

    Returns:
        Their ids.
    """
    query = select(Operation).where(Operation.status.in_(OWNED))
    owned = ctx.ask(lambda session: session.scalars(query).all())
    lost = find_lost(ctx) if owned else {}
    dealt_with = []
    for operation in owned:
        with recovering(operation):
            try:
                if _deal_with(ctx, operation, lost.get(operation.id)):
                    dealt_with.append(operation.id)
                    record_abandoned(operation)
            except (LandformError, OSError) as error:
                # The next round tries again; meanwhile the others must not wait for this one.
                log.error("recovery_failed", operation_id=operation.id, error=str(error))
    return dealt_with


def _deal_with(ctx: Context, operation: Operation, lost_because: str | None) -> bool:
    """Recover an operation if its owner is gone; tell whether it was."""
    if lost_because is not None:
        return _recover(ctx, operation.id, operation.fence, lost_because, is_takeover=True)
    if _is_abandoned(ctx, operation):
        return _recover(ctx, operation.id, operation.fence)
    _end_stuck_terraform(ctx, operation)
    return False


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
    operation = ctx.ask(lambda session: session.get_one(Operation, operation_id))
    return operation.has_applied and _recover(ctx, operation_id, fence, reason)


def end_restored(ctx: Context, session: Session, operation: Operation) -> None:
    """End or queue again what a worker held at the moment of a backup that was restored.

    Its processes are of another time, and may be those of an installation that lives: none is
    looked for, and none is stopped.
    """
    operation.fence += 1
    operation.owner_process = operation.process = None
    reason, directory = "The backup was made", ctx.runs.of(operation.id)
    if operation.has_applied:
        writer = fence_within(ctx, session, operation.stack_id)
        _interrupt(ctx, session, operation, directory, reason, writer)
    else:
        _give_back(session, operation, reason)


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
            return False  # it runs where nobody here can see it: its lease alone counts
    return operation.owner_process is not None and not _find_unmanaged(ctx, operation)


def _find_unmanaged(ctx: Context, operation: Operation) -> list[ProcessIdentity]:
    """Return what works in the run directory and belongs to no process group that SQL knows."""
    known = operation.process and operation.process["pgid"]
    folder = ctx.runs.of(operation.id).path
    return [found for found in find_working_in(folder) if found.pgid != known]


def _end_stuck_terraform(ctx: Context, operation: Operation) -> None:
    """Kill a Terraform that got its SIGINT when the worker died and has not stopped in time."""
    if operation.owner_process is None or operation.heartbeat_at is None:
        return
    patience = timedelta(seconds=ctx.settings.cancel_grace_seconds)
    if ctx.ask(database_now) < operation.heartbeat_at + patience:
        return
    owner = ProcessIdentity.from_dict(operation.owner_process)
    if not owner.is_local or owner.is_alive():
        return
    recorded = [ProcessIdentity.from_dict(operation.process)] if operation.process else []
    for terraform in (*recorded, *_find_unmanaged(ctx, operation)):
        if terraform.kill_group():
            log.warning("stuck_terraform_killed", operation_id=operation.id, pid=terraform.pid)


def _recover(
    ctx: Context,
    operation_id: str,
    fence: int,
    reason: str = WORKER_DIED,
    *,
    is_takeover: bool = False,
) -> bool:
    """Save what a dead run left, and end its operation or queue it again.

    Args:
        ctx: the adapters.
        operation_id: which one.
        fence: with another one it was dealt with already.
        reason: the start of a sentence.
        is_takeover: it was another instance's, which must not have renewed its lease meanwhile.

    Returns:
        Whether this has dealt with it.
    """
    directory = ctx.runs.of(operation_id)
    stack_id = ctx.ask(lambda session: session.get_one(Operation, operation_id).stack_id)
    # Else what is saved below is refused at once, and saved later; of a lost host nothing is here.
    if not answers(ctx, stack_id) and is_takeover:
        return False
    writer = fence_for(ctx, stack_id)
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id, with_for_update={"of": Operation})
        if operation.fence != fence or operation.status not in OWNED:
            return False
        if is_takeover:
            if not may_take_over(session, operation):
                return False
            operation.taken_over_at = database_now(session)
        operation.fence += 1
        _kill_leftovers(operation)
        log.warning("operation_abandoned", operation_id=operation_id, status=operation.status)
        if operation.has_applied:
            _interrupt(ctx, session, operation, directory, reason, writer)
        else:
            try:
                # Before the commit: whoever is notified by it needs the place for a run of its own.
                directory.remove()
            except UnavailableError as error:
                _close_steps(operation)
                _end_before_a_change(session, operation, error)
            else:
                _give_back(session, operation, reason)
        keep = operation.has_unsaved_state or not operation.has_applied
    if not keep:
        with suppress(UnavailableError):  # it is over; what is left is removed with the leftovers
            directory.remove()
    return True


def _kill_leftovers(operation: Operation) -> None:
    """End what a dead Terraform left of its process group, such as a provisioner's child."""
    if operation.process is not None:
        ProcessIdentity.from_dict(operation.process).kill_group()


def _interrupt(
    ctx: Context,
    session: Session,
    operation: Operation,
    directory: RunDirectory,
    reason: str,
    writer: Fence,
) -> None:
    saved = save_left(ctx, session, operation, directory, writer)
    operation.has_unsaved_state = saved.unsaved is not None
    operation.possibly_orphaned = find_orphans(session, operation, directory, saved.state)
    if saved.unsaved is None:
        ending.keep_true_outputs(ctx, session, operation.stack, saved.state)
    told = "is saved." if saved.unsaved is None else f"waits to be saved: {saved.unsaved}"
    detail = f"{reason} while Terraform was changing the cloud. Its state {told}"
    advice = OperationInterruptedError.advice
    if operation.possibly_orphaned:
        count = len(operation.possibly_orphaned)
        detail += f" {counted(count, 'resource')} may exist without a record."
    if saved.unread is not None:
        detail, advice = f"{detail} {saved.unread.detail}", f"{advice} {saved.unread.advice}"
    error = OperationInterruptedError(detail, advice=advice)
    _close_steps(operation)
    tell(session, operation, error.detail)
    ending.end(session, operation, OperationStatus.INTERRUPTED, error)


def _give_back(session: Session, operation: Operation, reason: str) -> None:
    """Queue an operation again that died before it changed anything, a few times at most."""
    _close_steps(operation)
    if operation.status == OperationStatus.CANCELING:
        tell(session, operation, f"{reason}; nothing had been changed.")
        ending.end(session, operation, OperationStatus.CANCELED)
        return
    deaths = 1 + _count_earlier_deaths(session, operation)
    if deaths >= MAX_DEATHS:
        error = OperationInterruptedError(
            f"The worker died {deaths} times before anything was changed.",
            advice="Look at the worker's log and the machine's memory, then start it again.",
        )
        _end_before_a_change(session, operation, error)
        return
    tell(session, operation, f"{reason} before anything was changed; queued again.")
    move(operation, OperationStatus.PENDING)
    notify_after_commit(session, operation)


def _end_before_a_change(session: Session, operation: Operation, error: LandformError) -> None:
    """End an operation that cannot be queued again, and had changed nothing."""
    more: dict[str, Any] = {}
    if facts_of(operation.type).checks_drift:
        more = check_ending.give_up(session, operation, error)
    ending.end(session, operation, OperationStatus.ERRORED, error, **more)


def _count_earlier_deaths(session: Session, operation: Operation) -> int:
    """Count how often it was queued again without a reason of its own.

    Its notifications count nothing: Redis may lose any number of them.
    """
    told = [entry["status"] for entry in operation.transitions]
    queued_again = (OperationStatus.PLANNING, OperationStatus.PENDING)
    alive = count_events(session, operation.id, *WITHOUT_DEATH)
    return sum(pair == queued_again for pair in pairwise(told)) - alive


def _close_steps(operation: Operation) -> None:
    for step in operation.steps:
        if step.ended_at is None:
            step.status, step.ended_at = "failed", utc_now()
            step.detail = "The worker died."
