"""Have Terraform plan, and keep what it would do."""

from __future__ import annotations

from functools import partial

from app.domain.operation_errors import OperationCanceledError
from app.domain.operation_facts import OperationFacts
from app.domain.operations import StepName
from app.domain.state_file import StateFile
from app.services.engine.ownership_check import refuse_foreign_plan
from app.services.engine.plan_keeping import keep_plan, require_seen_drift
from app.services.engine.rollback import read_forgotten
from app.services.engine.run import OperationRun
from app.services.engine.taking_in import take_in_all, take_in_unplaced
from app.terraform.arguments import PlanMode
from app.terraform.cli import Terraform
from app.terraform.plan import Plan
from app.terraform.provider_lease import ProviderLease
from app.terraform.terraform_errors import TerraformError


def plan(run: OperationRun) -> None:
    """Plan what the operation is to do.

    Raises:
        DriftChangedError: it is about a drift that is another one by now.
        TerraformError: it could not be planned.
    """
    options, directory = run.claim.options, run.space.directory
    seconds, mode = run.ctx.settings.plan_timeout_seconds, _mode(run.claim.facts)

    def make(terraform: Terraform) -> None:
        terraform.plan(
            directory.plan_path,
            seconds,
            mode=mode,
            targets=options.targets,
            replace=options.replace,
        )

    def work(terraform: Terraform, _: ProviderLease | None) -> Plan:
        destroys: StateFile | None = None
        if mode is PlanMode.DESTROY:
            take_in_all(run, terraform)
            planned_from = directory.state_bytes()
            destroys = StateFile.parse(planned_from) if planned_from else None
        try:
            make(terraform)
        except OperationCanceledError:
            raise
        except TerraformError:
            again = partial(make, terraform)
            if not options.takes_unplaced or not take_in_unplaced(run, terraform, again):
                raise
            make(terraform)
        return terraform.show_plan(directory.plan_path, seconds, destroys)

    with run.recorder.step(StepName.PLAN):
        for warning in run.space.warnings:
            run.recorder.note(warning, level="warn", type_="support_ends")
        run.plan = run.look(work)
        refuse_foreign_plan(run.ctx, run.plan, run.claim.stack_id)
        keep_plan(run.ctx, run.claim, run.space, run.plan, read_forgotten(directory))
    require_seen_drift(run.ctx, run.claim, run.plan)


def _mode(facts: OperationFacts) -> PlanMode:
    if facts.destroys:
        return PlanMode.DESTROY
    return PlanMode.REFRESH_ONLY if facts.accepts_drift else PlanMode.NORMAL
