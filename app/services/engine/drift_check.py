"""Compare reality, the recorded state and the configuration, and give a verdict.

Two plans keep two questions apart. ``-refresh-only`` says what changed outside Terraform; a plan
with ``-refresh=false`` says what the configuration wants beyond the recorded state, whatever
reality is. Neither takes a lock or writes state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.domain.drift import ChangeKind, DriftStatus, severity_of
from app.domain.plan_summary import PlanSummary
from app.services.engine.workspace import Workspace
from app.terraform.arguments import PlanMode
from app.terraform.cli import Terraform
from app.terraform.plan import DriftedResource


@dataclass(frozen=True)
class DriftResult:
    """A verdict with what it rests on; ``changes`` are masked and ready for a report."""

    status: DriftStatus
    changes: tuple[dict[str, Any], ...] = ()
    has_pending_changes: bool = False
    summary: PlanSummary = field(default_factory=PlanSummary)
    reason: str | None = None

    def sentence(self) -> str:
        """Say the verdict."""
        if self.status is DriftStatus.UNKNOWN:
            return f"It is not known whether the stack drifted: {self.reason}"
        pending = " The configuration has changes that are not applied." * self.has_pending_changes
        if self.status is DriftStatus.IN_SYNC:
            return f"The cloud is as recorded.{pending}"
        noun = "resource" if len(self.changes) == 1 else "resources"
        return f"{len(self.changes)} {noun} changed outside Landform.{pending}"


def check_drift(terraform: Terraform, space: Workspace, deadline_seconds: float) -> DriftResult:
    """Run both plans and return the verdict.

    Raises:
        TerraformError: a plan failed, so nothing is known.
    """
    refresh_path, plan_path = space.directory.refresh_plan_path, space.directory.plan_path
    terraform.plan(
        refresh_path, deadline_seconds, mode=PlanMode.REFRESH_ONLY, step_name="plan-refresh"
    )
    drift = terraform.show_plan(refresh_path, deadline_seconds).drift
    terraform.plan(plan_path, deadline_seconds, mode=PlanMode.CONFIGURATION_ONLY)
    wanted = terraform.show_plan(plan_path, deadline_seconds)
    return DriftResult(
        status=DriftStatus.DRIFTED if drift else DriftStatus.IN_SYNC,
        changes=tuple(_describe(item) for item in drift),
        has_pending_changes=wanted.has_changes,
        summary=wanted.summary,
    )


def _describe(drifted: DriftedResource) -> dict[str, Any]:
    attributes = drifted.resource.attributes
    kind = ChangeKind(drifted.change)
    severity = severity_of(
        kind,
        [item.path_text for item in attributes],
        forces_replacement=any(item.forces_replacement for item in attributes),
    )
    return {**drifted.to_dict(), "severity": severity.value}
