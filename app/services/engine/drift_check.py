"""Compare reality, the recorded state and the configuration, and tell what differs.

An ordinary plan says both whether something changed outside and whether the configuration wants
more. What changed outside is what differs from what was agreed (``app.domain.agreement``). Only
when something did, a second plan with ``-refresh=false`` keeps the two questions apart: it says
what the configuration wants beyond the recorded state, whatever reality is. None of them takes a
lock or writes state. What the findings mean for the stack is ``app.services.drift``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.clouds.found import FoundResource
from app.domain.agreement import Agreement
from app.domain.drift import ChangeKind, CheckedBy, Mending, TagSearch
from app.domain.drift_comparison import Comparison
from app.domain.drift_findings import neutral_name
from app.domain.drift_severity import NO_TABLE, SeverityTable, rate
from app.domain.plan_summary import PlanSummary
from app.services.drift.baselines import Baseline
from app.services.engine.tag_search import UnmanagedResources
from app.services.engine.workspace import Workspace
from app.terraform.arguments import PlanMode
from app.terraform.cli import Terraform
from app.terraform.plan import Plan
from app.terraform.resource_change import DriftedResource, ResourceChange
from app.terraform.terraform_errors import TerraformError

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
    compared with, ``settled`` what is agreed from now on where that was still open.
    """

    changes: tuple[dict[str, Any], ...] = ()
    has_pending_changes: bool = False
    summary: PlanSummary = field(default_factory=PlanSummary)
    reason: str | None = None
    search: TagSearch = TagSearch.NOT_OFFERED
    search_reason: str | None = None
    checked_by: CheckedBy = CheckedBy.TERRAFORM
    baseline: Baseline | None = None
    settled: Agreement | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        found: Comparison,
        unmanaged: UnmanagedResources,
        checked_by: CheckedBy,
        baseline: Baseline | None,
        settled: Agreement | None = None,
    ) -> DriftResult:
        """Put together what Terraform found and what the search for unmanaged resources did."""
        created = [_describe_unmanaged(item) for item in unmanaged.resources]
        return cls(
            changes=(*found.changes, *created),
            has_pending_changes=found.has_pending_changes,
            summary=found.summary,
            search=unmanaged.search,
            search_reason=unmanaged.reason,
            checked_by=checked_by,
            baseline=baseline,
            settled=settled,
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


def compare(
    terraform: Terraform, space: Workspace, deadline_seconds: float
) -> tuple[Comparison, Agreement | None]:
    """Plan, and return what changed outside Landform.

    Args:
        terraform: in the prepared run directory.
        space: the run directory.
        deadline_seconds: how long each plan may take.

    Returns:
        The comparison, and what is agreed from now on where our last apply had changed more than
        it recorded.

    Raises:
        TerraformError: a plan failed, so nothing is known.
    """
    met, mending, wanted = _plan(terraform, space, deadline_seconds)
    changed = tuple(_describe(item, mending, space.severities) for item in met.drift)
    return Comparison(changed, wanted.has_changes, wanted.summary), met.settled


def describe_drift(plan: Plan, severities: SeverityTable = NO_TABLE) -> list[dict[str, Any]]:
    """Return what changed outside as a plan met it, in the words of a report."""
    return [_describe(item, _mendings(plan), severities) for item in plan.drift]


def _plan(
    terraform: Terraform, space: Workspace, seconds: float
) -> tuple[Plan, Mapping[str, Mending] | None, Plan]:
    """Return the plan that met reality, what an apply would do, and the configuration's wish."""
    plan_path, mending = space.directory.plan_path, None
    try:
        outcome = terraform.plan(plan_path, seconds)
        # Where more was agreed than the state says, there is something to compare all the same.
        is_still = outcome.is_still and not terraform.agreement
        plan = Plan.still() if is_still else terraform.show_plan(plan_path, seconds)
    except TerraformError:
        # What it would do may be forbidden (prevent_destroy); what is so can still be seen.
        refresh_path = space.directory.refresh_plan_path
        terraform.plan(refresh_path, seconds, mode=PlanMode.REFRESH_ONLY, step_name="plan-refresh")
        plan = terraform.show_plan(refresh_path, seconds)
    else:
        mending = _mendings(plan)
        if not plan.drift:  # reality is as agreed, so this is what is wanted beyond it
            return plan, mending, plan
    mode, name = PlanMode.CONFIGURATION_ONLY, "plan-configuration"
    terraform.plan(plan_path, seconds, mode=mode, step_name=name)
    return plan, mending, terraform.show_plan(plan_path, seconds).wanted


def _mendings(plan: Plan) -> dict[str, Mending]:
    return {item.address: MENDINGS.get(item.action, Mending.NONE) for item in plan.changes}


def _describe(
    drifted: DriftedResource, mendings: Mapping[str, Mending] | None, severities: SeverityTable
) -> dict[str, Any]:
    kind, resource = ChangeKind(drifted.change), drifted.resource
    mending = None if mendings is None else mendings.get(resource.address, Mending.NONE)
    described = drifted.to_dict()
    rating = rate(kind, described["attributes"], mending, resource.type, severities)
    return {
        **described,
        "name": neutral_name(resource.type, resource.name, resource.index),
        "resource_id": _id_of(resource) if kind is ChangeKind.DELETED else None,
        "severity": rating.severity.value,
        "severity_reason": rating.reason,
        "mending": None if mending is None else mending.value,
    }


def _id_of(resource: ResourceChange) -> str | None:
    """Return what the cloud called a resource that is gone."""
    found = resource.before.get("id") if isinstance(resource.before, Mapping) else None
    return found if isinstance(found, str) else None


def _describe_unmanaged(found: FoundResource) -> dict[str, Any]:
    """Describe what was created outside, without its attributes: nothing says which are secret."""
    tags = found.attributes.get("tags")
    rating = rate(ChangeKind.CREATED, ())
    return {
        "address": None,
        "name": f"{neutral_name(found.type)} {found.id}",
        "type": found.type,
        "change": ChangeKind.CREATED.value,
        "attributes": [],
        "resource_id": found.id,
        "made_by": tags.get("landform:operation") if isinstance(tags, Mapping) else None,
        "severity": rating.severity.value,
        "severity_reason": rating.reason,
        "mending": Mending.NONE.value,
    }
