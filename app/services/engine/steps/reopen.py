"""Go on with a plan that was approved: its run directory was prepared when it was made."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.operations import StepName
from app.models import Operation
from app.services.drift.agreements import read_transition
from app.services.engine import carried_plans, workspace
from app.services.engine.ownership_check import refuse_foreign_since
from app.services.engine.run import OperationRun
from app.services.engine.workspace import Workspace
from app.storage.parked_run import INSTALLED
from app.storage.run_files import LOCK_FILE
from app.storage.run_reading import read_plain
from app.terraform.terraform_errors import PlanStaleError


def reopen(run: OperationRun) -> None:
    """Open the run directory again, and check that the plan in it may still be applied.

    Raises:
        PlanStaleError: it is gone, or the providers have changed since.
        ForeignResourceError: it would change what belongs to somebody else by now.
        AgreementUnreadableError: nobody could tell what is agreed after the apply.
    """
    run.space = run.write(lambda *held: _open(run, *held))
    run.space.check_reach()
    directory = run.space.directory
    if not directory.plan_path.exists():
        raise PlanStaleError("The approved plan is not on this host any more.")
    lock, wanted = directory.path / LOCK_FILE, run.ctx.catalog.cloud(run.space.cloud).provider_lock
    if not lock.exists() or read_plain(lock) != wanted:
        raise PlanStaleError("The providers have changed since the approved plan was made.")
    if not (directory.path / INSTALLED).exists():
        _install(run)
    carried_plans.drop(run.ctx, run.claim.stack_id, run.claim.operation_id)
    refuse_foreign_since(run.ctx, run.claim, directory.state_bytes(), run.recorder)


def _install(run: OperationRun) -> None:
    """Have ``init`` install the providers of a plan that another host has made."""
    with run.recorder.step(StepName.INIT):
        run.recorder.note("The plan was made on another host; its providers are installed here.")
        terraform = run.terraform(on_event=run.recorder.init_event)
        terraform.init(run.ctx.settings.plan_timeout_seconds)


def _open(run: OperationRun, session: Session, operation: Operation) -> Workspace:
    read_transition(run.ctx.keys, session, operation)  # after the apply it is needed
    return workspace.reopen(run.ctx, operation)
