"""What the tab of drift shows: what differs now, what is over, and the reports."""

from __future__ import annotations

from dataclasses import dataclass

from app.console.drift.drifted_stack import DriftedStack, describe_stack
from app.console.drift.finding_rows import FindingRow
from app.console.stacks.read_header import StackHeader, stack_header
from app.models import DriftReport
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.queries import FindingFilter, findings_of, list_findings
from app.services.drift.reports import latest_reports, list_drift_reports
from app.services.lookup import stack_by_id
from app.services.paging import PageRequest

GONE_FINDINGS = 20


@dataclass(frozen=True)
class StackDriftPage:
    """The tab of drift: what differs now, what is over, and the reports, newest first."""

    header: StackHeader
    drifted: DriftedStack
    gone: list[FindingRow]
    reports: list[DriftReport]
    next_cursor: str | None


def read_stack_drift(
    ctx: Context, principal: Principal, stack_id: str, page: PageRequest
) -> StackDriftPage:
    """Read the tab of drift."""
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        found = list_drift_reports(session, principal, stack_id, page)
        latest = latest_reports(session, [stack]).get(stack_id)
        over = FindingFilter(stack=stack_id, gone=True)
        gone = list_findings(session, principal, over, PageRequest(GONE_FINDINGS)).items
        return StackDriftPage(
            header=stack_header(ctx, session, principal, stack),
            drifted=describe_stack(ctx, principal, stack, latest, findings_of(session, [stack_id])),
            gone=[FindingRow.of(row, principal) for row in gone],
            reports=list(found.items),
            next_cursor=found.next_cursor,
        )
