"""Compare the stack with reality, and change nothing."""

from __future__ import annotations

from app.domain.operations import StepName
from app.services.engine import check_ending
from app.services.engine.drift_fingerprint import CheckInputs
from app.services.engine.policy_check import ask_about_drift
from app.services.engine.run import OperationRun
from app.services.engine.terraform_check import TerraformCheck


def check_drift(run: OperationRun) -> None:
    """Check for drift and end the operation with the verdict."""
    space = run.space
    with run.recorder.step(StepName.PLAN):
        terraform_check = TerraformCheck(
            run.ctx, run.claim, space, _inputs_of(run), run.stop_if_asked
        )
        result = run.look(terraform_check.see)
    with run.recorder.step(StepName.SAVE):
        run.recorder.note(result.sentence())
        ask_about_drift(run, result)
    check_ending.finish(run.ctx, run.claim, result)
    space.directory.remove()
    run.is_over = True


def _inputs_of(run: OperationRun) -> CheckInputs | None:
    """Return what later checks may be compared with, where the provider alone may make them."""
    if not run.ctx.settings.drift_full_seconds:
        return None
    identity, agreed = run.claim.operation_id, run.space.agreed.digest
    return CheckInputs.of(identity, run.space.provider, run.files, run.prepared, agreed)
