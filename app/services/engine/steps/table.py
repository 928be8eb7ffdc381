"""Which function does which step, and the walk through the steps of one operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from app.domain.operation_errors import OperationCanceledError
from app.domain.operation_facts import EngineStep
from app.errors import StackBusyError
from app.services.engine.requeueing import wait_for_stack
from app.services.engine.run import OperationRun
from app.services.engine.steps.apply import apply, end, go_back
from app.services.engine.steps.check_drift import check_drift
from app.services.engine.steps.decide import decide
from app.services.engine.steps.destroy import end_unmade, require_gone
from app.services.engine.steps.move_state import move_state
from app.services.engine.steps.plan import plan
from app.services.engine.steps.prepare import prepare
from app.services.engine.steps.reopen import reopen
from app.storage.s3_errors import StateLockedElsewhereError

STEPS: Mapping[EngineStep, Callable[[OperationRun], None]] = {
    EngineStep.END_UNMADE: end_unmade,
    EngineStep.PREPARE: prepare,
    EngineStep.PLAN: plan,
    EngineStep.DECIDE: decide,
    EngineStep.GO_BACK: go_back,
    EngineStep.APPLY: apply,
    EngineStep.REQUIRE_NOTHING_LEFT: require_gone,
    EngineStep.END: end,
    EngineStep.CHECK_DRIFT: check_drift,
    EngineStep.MOVE_STATE: move_state,
}


def carry_out(run: OperationRun) -> None:
    """Do the steps and end the operation, or leave it waiting for approval.

    Raises:
        LandformError: why it did not succeed; the caller ends the operation with it.
    """
    steps = run.claim.facts.steps
    with ExitStack() as held:
        try:
            held.enter_context(run.holding())
        except StateLockedElsewhereError:
            raise  # a person may keep it for hours, and is named to whoever asked
        except StackBusyError:
            if not wait_for_stack(run.ctx, run.claim):
                raise
            return
        try:
            if run.claim.is_approved:
                steps = steps[steps.index(EngineStep.DECIDE) + 1 :]
                reopen(run)
            _walk(run, steps)
        except OperationCanceledError:
            if not (run.preemption.is_wanted and run.preemption.queue_again()):
                raise


def _walk(run: OperationRun, steps: tuple[EngineStep, ...]) -> None:
    for step in steps:
        STEPS[step](run)
        if run.is_over:
            return
