"""What the pages show on which one decides about drift: a finding, or the drift of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.console.read_models.drift import DriftedStack, describe_stack
from app.console.read_models.findings import Finding
from app.domain.permissions import Right
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.finding_lists import finding_by_id, findings_of
from app.services.inventory import latest_reports
from app.services.lookup import stack_by_id
from app.services.schedules import next_check


@dataclass(frozen=True)
class FindingPage:
    """One finding, and what may be done about it."""

    finding: Finding
    project: str
    next_check_at: datetime | None


@dataclass(frozen=True)
class MendingPage:
    """The drift of a stack that is to be reconciled or accepted; none without a report."""

    drifted: DriftedStack
    report_id: str | None
    checked_at: datetime | None


def read_finding(ctx: Context, principal: Principal, finding_id: str) -> FindingPage:
    """Read one finding.

    Raises:
        NotFoundError: there is none that the caller can see.
    """
    with ctx.read() as session:
        row = finding_by_id(session, principal, finding_id)
        return FindingPage(
            finding=Finding.of(row, principal),
            project=row.stack.project.name,
            next_check_at=next_check(row.stack),
        )


def read_mending(ctx: Context, principal: Principal, stack_id: str) -> MendingPage:
    """Read the drift that a person is about to decide about.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``; it needs ``stack:write``.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, Right.STACK_WRITE)
        report = latest_reports(session, [stack]).get(stack.id)
        drifted = describe_stack(ctx, principal, stack, report, findings_of(session, [stack.id]))
        return MendingPage(
            drifted=drifted,
            report_id=report.id if report is not None and drifted.can_mend else None,
            checked_at=report.checked_at if report is not None else None,
        )
