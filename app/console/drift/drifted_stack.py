"""A stack with what its last check found outside, as every page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.console.drift.finding_rows import (
    FindingRow,
    is_losing,
    say_what_fixing_does,
    say_what_happened,
    worst_first,
)
from app.console.shell.rows import StackRow
from app.domain.drift import ChangeKind, DriftStatus
from app.domain.permissions import Right
from app.models import DriftFinding, DriftReport, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.schedules.next_check import next_check


@dataclass(frozen=True)
class DriftedStack:
    """A stack with what its last check found; hidden findings come last."""

    stack: StackRow
    checked_at: datetime | None
    next_check_at: datetime | None
    findings: list[FindingRow]
    has_pending_changes: bool
    can_fix: bool
    may_act: bool

    @property
    def seen(self) -> list[FindingRow]:
        """Return the findings that no rule hides."""
        return [item for item in self.findings if item.hidden is None]

    @property
    def happened(self) -> str:
        """Say what was done outside."""
        return say_what_happened(self.seen)

    @property
    def fix_effect(self) -> str | None:
        """Say what reconciling would do."""
        return say_what_fixing_does(self.findings)

    @property
    def is_losing(self) -> bool:
        """Tell whether reconciling would destroy or replace something."""
        return is_losing(self.findings)


def describe_stack(
    ctx: Context,
    principal: Principal,
    stack: Stack,
    report: DriftReport | None,
    rows: Sequence[DriftFinding],
) -> DriftedStack:
    """Describe a stack with the findings that its present verdict rests on."""
    # An apply makes a verdict worthless; what was found before it may be gone.
    is_known = stack.drift_status != DriftStatus.NOT_CHECKED
    findings = worst_first(FindingRow.of(row, principal) for row in rows) if is_known else []
    is_current = report is not None and stack.drift_status != DriftStatus.NOT_CHECKED
    return DriftedStack(
        stack=StackRow.of(stack, ctx.catalog),
        checked_at=stack.drift_checked_at,
        next_check_at=next_check(stack),
        findings=findings,
        has_pending_changes=bool(report and is_current and report.has_pending_changes),
        can_fix=bool(report and is_current and _has_met(report)),
        may_act=principal.has(Right.STACK_WRITE, stack.project_id),
    )


def _has_met(report: DriftReport) -> bool:
    """Tell whether a report shows something that can be reconciled or accepted."""
    met = any(change["change"] != ChangeKind.CREATED for change in report.changes)
    return met and report.digest is not None
