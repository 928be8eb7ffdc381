"""What a destroy does beside an apply: end at once where nothing is, and look for what is left."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.operations import OperationStatus, StepName
from app.models import Operation
from app.services.engine import ending
from app.services.engine.claims import begin_applying
from app.services.engine.destroy_search import require_nothing_left
from app.services.engine.recovery.orphans import was_ever_applied
from app.services.engine.run import OperationRun
from app.services.queue.status import move
from app.services.stacks import references
from app.services.state import record

NEVER_MADE = "Nothing was ever made, so there is nothing to destroy."
NO_STATE = "No state is left, although an apply began once: the cloud is searched by tag."


def end_unmade(run: OperationRun) -> None:
    """End the destroy of a stack that has no state; its references may have no outputs.

    That nothing was ever made is believed only where no apply ever started: a state may have been
    lost. Else the cloud is asked.

    Raises:
        ResourcesLeftError, DestroyUnverifiedError: as ``require_nothing_left``.
        StackReferencedError: others still use the stack.
    """
    if run.claim.options.imports:
        return
    is_new = run.write(lambda *held: _is_new(run, *held))
    if is_new is None:
        return
    with run.recorder.step(StepName.PREPARE):
        run.recorder.note(NEVER_MADE if is_new else NO_STATE)
    run.recorder.write_out()
    run.write(_begin)
    if not is_new:
        with run.recorder.step(StepName.CHECK):
            require_gone(run)
    ending.finish(run.ctx, run.claim, OperationStatus.APPLIED)
    run.is_over = True


def require_gone(run: OperationRun) -> None:
    """Require that a search of the cloud finds nothing of the stack.

    Raises:
        ResourcesLeftError, DestroyUnverifiedError: as ``require_nothing_left``.
    """
    require_nothing_left(run.ctx, run.claim, run.recorder, run.state)


def _is_new(run: OperationRun, session: Session, operation: Operation) -> bool | None:
    """Tell whether nothing of the stack was ever made; None if it has a state."""
    if record.load_state(session, run.store, operation) is not None:
        return None
    return not was_ever_applied(session, operation)


def _begin(_: Session, operation: Operation) -> None:
    references.refuse_used(operation.stack)
    move(operation, OperationStatus.PLANNED)
    begin_applying(operation)
