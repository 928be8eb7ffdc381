"""Compare reality, the recorded state and the configuration, and tell what differs.

An ordinary plan says both whether something changed outside and whether the configuration wants
more. Only when something did, a second plan with ``-refresh=false`` keeps the two questions apart:
it says what the configuration wants beyond the recorded state, whatever reality is. None of them
takes a lock or writes state. What the findings mean for the stack is ``app.services.drift``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.drift import ChangeKind, CheckedBy, Mending, TagSearch
from app.domain.drift_comparison import Comparison
from app.domain.drift_findings import neutral_name
from app.domain.drift_severity import rate
from app.domain.plan_summary import PlanSummary
from app.errors import TerraformError
from app.services.drift.baselines import Baseline
from app.services.engine.tag_search import Strangers
from app.services.engine.workspace import Workspace
from app.terraform.arguments import PlanMode
from app.terraform.cli import Terraform
from app.terraform.plan import DriftedResource, Plan

MENDINGS: Mapping[str, Mending] = {
    "create": Mending.CREATE,
    "update": Mending.UPDATE,
    "replace": Mending.REPLACE,
    "delete": Mending.DELETE,
}


@dataclass(frozen=True)
class DriftResult:
    """What a check saw; ``changes`` are masked and ready for a report.

    A check that failed has a ``reason`` and saw nothing. ``baseline`` is what later checks may be
    compared with.
    """

    changes: tuple[dict[str, Any], ...] = ()
    has_pending_changes: bool = False
    summary: PlanSummary = field(default_factory=PlanSummary)
    reason: str | None = None
    search: TagSearch = TagSearch.NOT_OFFERED
    search_reason: str | None = None
    checked_by: CheckedBy = CheckedBy.TERRAFORM
    baseline: Baseline | None = None

    @classmethod
    def of(
        cls,
        found: Comparison,
        strangers: Strangers,
        checked_by: CheckedBy,
        baseline: Baseline | None,
    ) -> DriftResult:
        """Put together what Terraform found and what the search for strangers did."""
        created = [_describe_stranger(item.type, item.id) for item in strangers.resources]
        return cls(
            changes=(*found.changes, *created),
            has_pending_changes=found.has_pending_changes,
            summary=found.summary,
            search=strangers.search,
            search_reason=strangers.reason,
            checked_by=checked_by,
            baseline=baseline,
        )

    def sentence(self) -> str:
        """Say what was seen."""
        if self.reason is not None:
            return f"It is not known whether the stack drifted: {self.reason}"
        more = " The configuration has changes that are not applied." * self.has_pending_changes
        if self.search is TagSearch.FAILED:
            more += f" What was created outside is not known: {self.search_reason}"
        if not self.changes:
            return f"The cloud is as recorded.{more}"
        noun = "resource" if len(self.changes) == 1 else "resources"
        return f"{len(self.changes)} {noun} changed outside Landform.{more}"


def compare(terraform: Terraform, space: Workspace, deadline_seconds: float) -> Comparison:
    """Plan, and return what changed outside Landform.

    Args:
        terraform: in the prepared run directory.
        space: the run directory.
        deadline_seconds: how long each plan may take.

    Raises:
        TerraformError: a plan failed, so nothing is known.
    """
    drift, mending, wanted = _plan(terraform, space, deadline_seconds)
    changed = tuple(_describe(item, mending) for item in drift)
    return Comparison(changed, wanted.has_changes, wanted.summary)


def describe_drift(plan: Plan) -> list[dict[str, Any]]:
    """Return what changed outside as a plan met it, in the words of a report."""
    return [_describe(item, _mendings(plan)) for item in plan.drift]


def _plan(
    terraform: Terraform, space: Workspace, seconds: float
) -> tuple[tuple[DriftedResource, ...], Mapping[str, Mending] | None, Plan]:
    """Return the drift, what an apply would do about it, and what the configuration wants."""
    plan_path, mending = space.directory.plan_path, None
    try:
        is_still = terraform.plan(plan_path, seconds).is_still
        plan = Plan.still() if is_still else terraform.show_plan(plan_path, seconds)
    except TerraformError:
        # What it would do may be forbidden (prevent_destroy); what is so can still be seen.
        refresh_path = space.directory.refresh_plan_path
        terraform.plan(refresh_path, seconds, mode=PlanMode.REFRESH_ONLY, step_name="plan-refresh")
        drift = terraform.show_plan(refresh_path, seconds).drift
    else:
        drift, mending = plan.drift, _mendings(plan)
        if not drift:  # reality is the recorded state, so this is what is wanted beyond it
            return drift, mending, plan
    mode, name = PlanMode.CONFIGURATION_ONLY, "plan-configuration"
    terraform.plan(plan_path, seconds, mode=mode, step_name=name)
    return drift, mending, terraform.show_plan(plan_path, seconds)


def _mendings(plan: Plan) -> dict[str, Mending]:
    return {item.address: MENDINGS.get(item.action, Mending.NONE) for item in plan.changes}


def _describe(drifted: DriftedResource, mendings: Mapping[str, Mending] | None) -> dict[str, Any]:
    kind, resource = ChangeKind(drifted.change), drifted.resource
    mending = None if mendings is None else mendings.get(resource.address, Mending.NONE)
    described = drifted.to_dict()
    rating = rate(kind, described["attributes"], mending)
    return {
        **described,
        "name": neutral_name(resource.type, resource.name, resource.index),
        "resource_id": None,
        "severity": rating.severity.value,
        "severity_reason": rating.reason,
        "mending": None if mending is None else mending.value,
    }


def _describe_stranger(resource_type: str, resource_id: str) -> dict[str, Any]:
    """Describe what was created outside, without its attributes: nothing says which are secret."""
    rating = rate(ChangeKind.CREATED, ())
    return {
        "address": None,
        "name": f"{neutral_name(resource_type)} {resource_id}",
        "type": resource_type,
        "change": ChangeKind.CREATED.value,
        "attributes": [],
        "resource_id": resource_id,
        "severity": rating.severity.value,
        "severity_reason": rating.reason,
        "mending": Mending.NONE.value,
    }
