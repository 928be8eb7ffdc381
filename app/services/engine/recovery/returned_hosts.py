"""A host is back whose operation another one took over: keep what only its run directory knows.

A newer state in it becomes the state of record if nobody has written since. Otherwise nothing is
merged: what it made and no state has is named as possibly orphaned.
"""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.fences import Fence
from app.domain.operation_errors import FenceLostError
from app.domain.operations import OperationStatus
from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.errors import StackBusyError, UnavailableError
from app.models import Operation, StateVersion
from app.services.context import Context
from app.services.engine.recovery.orphans import find_orphans
from app.services.engine.recovery.save_state import answers, save_left, tell
from app.services.queue import interruptions
from app.services.state import record
from app.services.state.fences import take_fence
from app.storage.run_directory import RunDirectory
from app.terraform.identity import find_working_in


def keep_what_returned(ctx: Context, operation_id: str, directory: RunDirectory) -> None:
    """Keep what the run directory of an operation knows that was taken over.

    Raises:
        UnavailableError: it cannot be kept now, so that the directory must stay.
    """
    if find_working_in(directory.path):
        raise UnavailableError(f"Terraform still works in {directory.path}; it is being stopped.")
    stack_id = ctx.ask(lambda session: session.get_one(Operation, operation_id).stack_id)
    if not answers(ctx, stack_id):
        raise UnavailableError(f"The place of the state of {stack_id} does not answer.")
    fence = take_fence(ctx, stack_id)
    try:
        # Whoever works with the state now goes on; this host looks again.
        with ctx.state_store(stack_id).fenced(fence).hold(stack_id, 0), ctx.write() as session:
            operation = session.get_one(Operation, operation_id, with_for_update={"of": Operation})
            if operation.status == OperationStatus.INTERRUPTED:
                _keep(ctx, session, operation, directory, fence)
    except (StackBusyError, FenceLostError) as error:
        raise UnavailableError(f"The state of {stack_id} is in use: {error.detail}") from error


def _keep(
    ctx: Context, session: Session, operation: Operation, directory: RunDirectory, fence: Fence
) -> None:
    left = directory.newest_valid_state()
    known = record.latest_version(session, operation.stack_id)
    is_newer = left is not None and (known is None or StateFile.parse(left).serial > known.serial)
    if is_newer and _is_untouched(session, operation, known):
        saved = save_left(ctx, session, operation, directory, fence)
        if saved.unsaved is not None:
            raise UnavailableError(saved.unsaved)
        state = saved.state
        tell(session, operation, "Its host is back; the newer state that it had is saved now.")
    else:
        state = _present(ctx, session, operation)
        if is_newer:
            tell(
                session,
                operation,
                "Its host is back with a state that nothing may follow any more, because the stack "
                "was changed since. What only that state has is named as possibly orphaned.",
            )
    orphans = find_orphans(session, operation, directory, state)
    if operation.resolution is None:
        # The cloud is searched again, which says which of them there are.
        operation.possibly_orphaned, operation.orphans_searched_at = orphans, None
        if orphans and _is_untouched(session, operation, known):
            interruptions.hold_back(session, operation)
    elif orphans:
        names = ", ".join(item["address"] or item["id"] for item in orphans)
        tell(session, operation, f"Possibly orphaned, although it is resolved already: {names}.")


def _is_untouched(session: Session, operation: Operation, known: StateVersion | None) -> bool:
    """Tell whether no other operation has begun to change the stack since."""
    query = (
        select(func.count())
        .select_from(Operation)
        .where(
            Operation.stack_id == operation.stack_id,
            Operation.id != operation.id,
            Operation.has_applied,
            Operation.started_at > operation.started_at,
        )
    )
    is_last = known is None or known.created_at <= (operation.taken_over_at or known.created_at)
    return is_last and not session.scalar(query)


def _present(ctx: Context, session: Session, operation: Operation) -> StateFile | None:
    store = ctx.store_of(session, operation.stack_id)
    try:
        data = record.load_state(session, store, operation)
    except StateError as error:
        raise UnavailableError(error.detail) from error
    return StateFile.parse(data) if data is not None else None
