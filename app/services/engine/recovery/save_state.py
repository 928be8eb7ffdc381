"""The state that a dead run left in its run directory: promote it, whoever finds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.agreement_errors import AgreementUnreadableError
from app.domain.fences import NO_FENCE, Fence
from app.domain.operation_errors import FenceLostError
from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.errors import StackBusyError, UnavailableError
from app.logs import get_logger
from app.models import Operation, OperationEvent
from app.services.context import Context
from app.services.drift.agreements import follow_apply
from app.services.state import record
from app.services.state.fences import next_fence, take_fence
from app.storage.run_directory import RunDirectory

log = get_logger(__name__)


@dataclass(frozen=True)
class SavedState:
    """What became of the state that a run left.

    Attributes:
        state: to compare events with.
        unsaved: why something is left to be saved, in a sentence.
        unread: why what was agreed did not follow, which must not keep an operation from its end.
    """

    state: StateFile | None
    unsaved: str | None = None
    unread: AgreementUnreadableError | None = None


def answers(ctx: Context, stack_id: str) -> bool:
    """Tell whether the place of a stack's state answers, while nobody in SQL waits for it."""
    try:
        ctx.state_store(stack_id).reach()
    except UnavailableError:
        return False
    return True


def fence_for(ctx: Context, stack_id: str) -> Fence:
    """Return a fence for saving what a writer of a stack left.

    Where the place of its state does not answer there is none, and nothing can be saved either.
    """
    try:
        return take_fence(ctx, stack_id)
    except UnavailableError:
        return NO_FENCE


def fence_within(ctx: Context, session: Session, stack_id: str) -> Fence:
    """Return a fence as ``fence_for`` does, where no other process works with the database."""
    try:
        store = ctx.store_of(session, stack_id)
        if not store.is_fenced:
            return NO_FENCE
        return next_fence(session, stack_id, store.newest_fence(stack_id))
    except UnavailableError:
        return NO_FENCE


def save_left(
    ctx: Context, session: Session, operation: Operation, directory: RunDirectory, fence: Fence
) -> SavedState:
    """Promote the newest state that the run left, and nothing of its writer any more after that.

    Args:
        ctx: the adapters.
        session: an open writing transaction.
        operation: whose run it was, locked.
        directory: its run directory; there need be none.
        fence: of whoever saves, taken after the writer's own.
    """
    try:
        left = directory.newest_valid_state()
    except UnavailableError as error:
        log.warning("state_unreadable", operation_id=operation.id, error=error.detail)
        return SavedState(None, error.detail)
    try:
        store = ctx.store_of(session, operation.stack_id).fenced(fence)
        store.fence_off(operation.stack_id)
        data = record.keep_newest(session, store, operation, left)
        state = StateFile.parse(data) if data is not None else None
        if state is not None:
            follow_apply(ctx, session, operation, state, is_done=False)
    except AgreementUnreadableError as error:
        log.warning("agreement_unreadable", operation_id=operation.id, error=error.detail)
        return SavedState(state, unread=error)
    except (UnavailableError, StateError, FenceLostError, StackBusyError) as error:
        log.warning("state_unsaved", operation_id=operation.id, error=error.detail)
        if left is None:
            return SavedState(None)
        return SavedState(StateFile.parse(left), error.detail)
    return SavedState(state)


def tell(session: Session, operation: Operation, message: str, **data: Any) -> None:
    """Add an event of a recovery to the story of an operation."""
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
