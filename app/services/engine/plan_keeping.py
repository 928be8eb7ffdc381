"""Keep what an operation planned: for people, for the agreed picture, and as findings of drift."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.agreement import Transition
from app.domain.drift import Mending
from app.domain.plan_summary import PlanSummary
from app.models import Operation, StoredPlan
from app.services.context import Context
from app.services.drift.actions import require_same_drift
from app.services.drift.agreements import seal_transition
from app.services.engine import check_ending
from app.services.engine.claims import Claim, write_fenced
from app.services.engine.drift_check import describe_drift
from app.services.engine.rollback import forget_changes
from app.services.engine.workspace import Workspace
from app.services.secrets import seal_plan
from app.terraform.plan import Plan


def keep_plan(
    ctx: Context, claim: Claim, space: Workspace, plan: Plan, forgotten: list[dict[str, Any]]
) -> None:
    """Keep a plan, masked, with what applying it does to what was agreed.

    What it saw changed outside becomes a finding, also where the apply then undoes it.

    Args:
        ctx: the adapters.
        claim: the operation that planned.
        space: its run directory.
        plan: what it planned.
        forgotten: what a rollback goes without.

    Raises:
        FenceLostError: another process owns the operation now.
    """
    summary, shown = with_forgotten(plan, forgotten).to_dict(), plan.to_dict()
    if forgotten:
        changes = [*forget_changes(forgotten), *shown["changes"]]
        shown |= {"summary": summary, "changes": changes, "forgotten": forgotten}
    drift = describe_drift(plan, space.severities)
    known = plan.transition if space.refreshes_after_apply else Transition()
    # What a refresh finds gone may be wanted all the same: its plan does not look.
    is_partial = bool(claim.options.targets) or claim.facts.accepts_drift
    transition = replace(
        plan.transition, touched=known.touched, built_on=known.built_on, is_partial=is_partial
    )
    is_needed = bool(transition.steps or known.touched or space.agreed.agreement)

    def work(session: Session, operation: Operation) -> None:
        operation.plan_summary = summary
        row = StoredPlan(
            operation_id=operation.id,
            sealed_changes=seal_plan(ctx.keys, operation.id, shown),
            sealed_transition=(
                seal_transition(ctx.keys, operation.id, transition) if is_needed else None
            ),
            created_at=utc_now(),
        )
        session.merge(row)
        if drift and claim.facts.reports_drift:
            check_ending.report_met_drift(session, operation, drift)

    write_fenced(ctx, claim, work)


def with_forgotten(plan: Plan, forgotten: list[dict[str, Any]]) -> PlanSummary:
    """Count what a rollback forgets beside what Terraform says."""
    summary = plan.summary
    return replace(summary, forget=summary.forget + len(forgotten))


def name_unmendable(plan: Plan) -> str | None:
    """Say which resources that changed outside an apply of the plan leaves as they are."""
    names = [
        item["address"] for item in describe_drift(plan) if item["mending"] == Mending.NONE.value
    ]
    if not names:
        return None
    return (
        f"Cannot be undone by an apply: {', '.join(names)}. The configuration does not say what "
        "it should be; undo it in the cloud, or accept it."
    )


def require_seen_drift(ctx: Context, claim: Claim, plan: Plan) -> None:
    """Refuse to undo or accept another drift than people have seen.

    Raises:
        DriftChangedError: the plan met another one.
    """
    if claim.facts.is_about_drift:
        drift = describe_drift(plan)
        ctx.ask(lambda session: require_same_drift(session, claim.options.report_id, drift))
