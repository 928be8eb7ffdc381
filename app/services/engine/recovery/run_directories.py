"""Run directories that outlive their operation: save what is unsaved, then clear them away."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.operations import FINAL
from app.errors import UnavailableError
from app.models import Instance, Operation
from app.services.context import Context
from app.services.engine.recovery.returned_hosts import keep_what_returned
from app.services.engine.recovery.save_state import answers, fence_for, save_left, tell
from app.services.installation.instances import own_instance
from app.services.queue.order import notify_freed


def save_unsaved(ctx: Context) -> None:
    """Try again to promote states that could not be saved when their operation ended.

    Only the host that has the run directory can, unless it is gone for good.
    """

    def find(session: Session) -> list[Operation]:
        query = select(Operation).where(Operation.has_unsaved_state)
        return [row for row in session.scalars(query) if _may_save(ctx, session, row)]

    waiting = ctx.ask(find)
    for operation_id, stack_id in [(row.id, row.stack_id) for row in waiting]:
        if not answers(ctx, stack_id):
            continue
        directory, fence = ctx.runs.of(operation_id), fence_for(ctx, stack_id)
        with ctx.write() as session:
            operation = session.get_one(Operation, operation_id)
            if not operation.has_unsaved_state:
                continue
            saved = save_left(ctx, session, operation, directory, fence)
            if saved.unsaved is not None:
                continue
            operation.has_unsaved_state = False
            tell(session, operation, "The state of the interrupted run is saved now.")
            if saved.unread is not None:
                tell(session, operation, f"{saved.unread.detail} {saved.unread.advice}")
            session.flush()
            notify_freed(session, operation.stack_id)
        directory.remove()


def _may_save(ctx: Context, session: Session, operation: Operation) -> bool:
    """Tell whether this host is the one to save what an operation left, if there is anything."""
    if not ctx.db.is_shared or ctx.runs.of(operation.id).exists:
        return True
    if operation.instance_id in (None, own_instance(ctx)):
        return True
    instance = session.get(Instance, operation.instance_id)
    return instance is None or instance.gone_at is not None


def remove_leftovers(ctx: Context) -> None:
    """Remove the run directories of operations that have ended with their state saved.

    Of one that another host recovered meanwhile, what only this directory knows is kept first.

    Raises:
        UnavailableError: one cannot be removed; the others are gone all the same.
    """
    names = ctx.runs.leftovers()
    if not names:
        return
    query = select(Operation.id, Operation.taken_over_at).where(
        Operation.id.in_(names),
        Operation.status.in_(FINAL),
        Operation.has_unsaved_state.is_(False),
    )
    over = ctx.ask(lambda session: session.execute(query).all())
    failed: UnavailableError | None = None
    for operation_id, taken_over_at in over:
        try:
            directory = ctx.runs.of(operation_id)
            if taken_over_at is not None:
                keep_what_returned(ctx, operation_id, directory)
            directory.remove()
        except UnavailableError as error:  # what a module left there must not keep all others
            failed = error
    if failed is not None:
        raise failed
