"""What the pages show on which one decides about drift: a finding, or the drift of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.console.drift.finding_rows import FindingRow
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.queries import finding_by_id
from app.services.drift.reports import latest_reports
from app.services.schedules.next_check import next_check


@dataclass(frozen=True)
class FindingPage:
    """One finding, and what may be done about it; with a report it can be accepted by itself."""

    finding: FindingRow
    project: str
    next_check_at: datetime | None
    report_id: str | None


def read_finding(ctx: Context, principal: Principal, finding_id: str) -> FindingPage:
    """Read one finding.

    Raises:
        NotFoundError: there is none that the caller can see.
    """
    with ctx.read() as session:
        row = finding_by_id(session, principal, finding_id)
        report = latest_reports(session, [row.stack]).get(row.stack_id)
        shown = {change.get("finding_id") for change in report.changes} if report else set()
        is_acceptable = row.address is not None and row.gone_since is None and row.id in shown
        return FindingPage(
            finding=FindingRow.of(row, principal),
            project=row.stack.project.name,
            next_check_at=next_check(row.stack),
            report_id=report.id if report is not None and is_acceptable else None,
        )
