"""Fill the run directory, and have ``init`` install the provider, unless that was done before."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.domain.operations import StepName
from app.models import Operation
from app.services.engine import workspace
from app.services.engine.run import OperationRun
from app.services.engine.workspace import Workspace
from app.storage.prepared_init import PreparedInit
from app.storage.run_files import RunFiles


def prepare(run: OperationRun) -> None:
    """Make the run directory ready for Terraform."""

    def fill(session: Session, operation: Operation) -> tuple[Workspace, RunFiles]:
        return workspace.prepare(run.ctx, session, run.store, operation)

    with run.recorder.step(StepName.PREPARE):
        run.space, run.files = run.write(fill)
    run.space.check_reach()
    with run.recorder.step(StepName.INIT):
        installation = workspace.installation(run.ctx, run.space.cloud, run.binary)
        run.prepared = PreparedInit(run.ctx.settings.work_dir, run.files, installation)
        if not run.prepared.restore(run.space.directory):
            terraform = run.terraform(on_event=run.recorder.init_event)
            terraform.init(run.ctx.settings.plan_timeout_seconds)
            run.prepared.keep(run.space.directory)
