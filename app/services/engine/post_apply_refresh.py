"""Have the record say what is, at the end of an apply.

Terraform records a resource as it was when it was made. What the same apply made later may have
changed it: a bucket shows the policy that another resource gave it. Owns the look that takes such
changes into the state (ADR 0014), and the rule that it never makes a failure of a success.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy.orm import Session

from app.domain.agreement import NOTHING, Agreement, Transition, ValueStep
from app.domain.operation_errors import FenceLostError
from app.domain.state_file import StateFile
from app.errors import LandformError
from app.models import Operation, StoredPlan
from app.services.context import Context
from app.services.drift.agreements import after_apply, read_transition, seal_transition
from app.services.engine.claims import Claim, write_fenced
from app.services.engine.pooled_steps import look
from app.services.engine.recorder import Recorder
from app.services.engine.workspace import Workspace
from app.terraform.cli import Terraform
from app.terraform.events import Event
from app.terraform.plan import Plan
from app.terraform.provider_lease import ProviderLease


def keep_quiet(event: Event) -> None:
    """Pass no event on: what Terraform says here would read like drift, or like a second apply."""


def refresh(
    ctx: Context,
    space: Workspace,
    claim: Claim,
    recorder: Recorder,
    make_terraform: Callable[[str | None], Terraform],
    *,
    has_failed: bool = False,
) -> None:
    """Plan again after an apply, and record what it changed on the way.

    Only what is as configured is recorded: where Terraform would change something, somebody else
    may have had a hand in it, and the next drift check tells. What this apply had no hand in is not
    agreed by being recorded.

    Args:
        ctx: the adapters.
        space: the run directory, with the state that the apply left.
        claim: the operation.
        recorder: hears in a sentence what was done, or why it could not be.
        make_terraform: returns Terraform that reattaches to the given provider, if any.
        has_failed: whether the apply failed; then nothing is recorded, and only what it changed on
            the way is agreed.

    Raises:
        FenceLostError: this process must stop.
    """
    try:
        agreement = _agreed_after_apply(ctx, claim, space, is_done=not has_failed)
        recorded = _refresh(ctx, space, claim, make_terraform, agreement, has_failed=has_failed)
    except FenceLostError:
        raise
    except LandformError as error:
        recorder.note(
            f"The record could not be compared with the cloud: {error.detail} The next drift check "
            "may show what this apply changed.",
            level="warn",
        )
    else:
        if recorded:
            recorder.note(f"Recorded what the apply changed on the way: {', '.join(recorded)}.")


def _refresh(
    ctx: Context,
    space: Workspace,
    claim: Claim,
    make_terraform: Callable[[str | None], Terraform],
    agreement: Agreement,
    *,
    has_failed: bool,
) -> list[str]:
    """Return the addresses of what was recorded anew."""
    seconds, path = ctx.settings.plan_timeout_seconds, space.directory.refresh_plan_path

    def compare(plain: Terraform, _: ProviderLease | None) -> Plan:
        terraform = replace(plain, agreement=agreement)
        outcome = terraform.plan(
            path, seconds, targets=claim.options.targets, step_name="plan-settled"
        )
        is_still = outcome.is_still and not agreement.entries
        plan = Plan.still() if is_still else terraform.show_plan(path, seconds)
        is_recorded = plan.only_records and not has_failed
        _keep_transition(ctx, claim, plan, agreement, is_recorded=is_recorded)
        if is_recorded:
            terraform.record(path, seconds)
        return plan

    plan = look(ctx, space, make_terraform, compare)
    is_recorded = plan.only_records and not has_failed
    return [item.resource.address for item in plan.refreshed] if is_recorded else []


def _agreed_after_apply(
    ctx: Context, claim: Claim, space: Workspace, *, is_done: bool
) -> Agreement:
    """Return what is agreed beside the state in the run directory."""
    data = space.directory.state_bytes()
    if data is None:
        return NOTHING

    def read(session: Session) -> Transition:
        operation = session.get_one(Operation, claim.operation_id)
        return read_transition(ctx.keys, session, operation)

    transition = ctx.ask(read)
    return after_apply(transition, StateFile.parse(data), is_done=is_done)


def _keep_transition(
    ctx: Context, claim: Claim, plan: Plan, agreement: Agreement, *, is_recorded: bool
) -> None:
    """Keep what recording the plan does to what was agreed, before it is recorded."""
    if is_recorded:
        transition = replace(plan.transition, touched=frozenset(), built_on=frozenset())
    else:
        settled = plan.settled or replace(agreement, unsettled=frozenset())
        transition = Transition({name: ValueStep(item) for name, item in settled.entries.items()})

    def work(session: Session, operation: Operation) -> None:
        before = read_transition(ctx.keys, session, operation)
        kept = replace(transition, is_partial=before.is_partial, met=before.looked_at)
        row = session.get_one(StoredPlan, operation.id)
        row.sealed_transition = seal_transition(ctx.keys, operation.id, kept)

    write_fenced(ctx, claim, work)
