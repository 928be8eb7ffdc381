"""Have the record say what is, at the end of an apply.

Terraform records a resource as it was when it was made. What the same apply made later may have
changed it: a bucket shows the policy that another resource gave it. Owns the look that takes such
changes into the state (ADR 0014), and the rule that it never makes a failure of a success.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.operations import OperationType
from app.errors import FenceLostError, LandformError
from app.services.context import Context
from app.services.engine.claims import Claim
from app.services.engine.looking import look
from app.services.engine.recorder import Recorder
from app.services.engine.workspace import Workspace
from app.terraform.cli import Terraform
from app.terraform.events import Event
from app.terraform.plan import Plan
from app.terraform.provider_loan import Loan

MAKING = (OperationType.APPLY, OperationType.RECONCILE, OperationType.ROLLBACK)
"""Types of operations after which there is something to settle."""


def keep_quiet(event: Event) -> None:
    """Pass no event on: what Terraform says here would read like drift, or like a second apply."""


def settle(
    ctx: Context,
    space: Workspace,
    claim: Claim,
    recorder: Recorder,
    make_terraform: Callable[[str | None], Terraform],
) -> None:
    """Plan again after an apply that went well, and record what it changed on the way.

    Only what is as configured is recorded: where Terraform would change something, somebody else
    may have had a hand in it, and the next drift check tells.

    Args:
        ctx: the adapters.
        space: the run directory, with the state that the apply left.
        claim: the operation.
        recorder: hears in a sentence what was done, or why it could not be.
        make_terraform: returns Terraform that reattaches to the given provider, if any.

    Raises:
        FenceLostError: this process must stop.
    """
    seconds, path = ctx.settings.plan_timeout_seconds, space.directory.refresh_plan_path

    def compare(terraform: Terraform, _: Loan | None) -> Plan:
        outcome = terraform.plan(
            path, seconds, targets=claim.options.targets, step_name="plan-settled"
        )
        plan = Plan.still() if outcome.is_still else terraform.show_plan(path, seconds)
        if plan.only_records:
            terraform.record(path, seconds)
        return plan

    try:
        plan = look(ctx, space, make_terraform, compare)
        if plan.only_records:
            names = ", ".join(item.resource.address for item in plan.drift)
            recorder.note(f"Recorded what the apply changed on the way: {names}.")
    except FenceLostError:
        raise
    except LandformError as error:
        recorder.note(
            f"The record could not be compared with the cloud: {error.detail} The next drift check "
            "may show what this apply changed.",
            level="warn",
        )
