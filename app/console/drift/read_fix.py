"""What the page shows on which the drift of a stack is reconciled or accepted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.console.drift.drifted_stack import DriftedStack, describe_stack
from app.domain.permissions import Right
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.queries import findings_of
from app.services.drift.reports import latest_reports
from app.services.lookup import stack_by_id


@dataclass(frozen=True)
class FixPage:
    """The drift of a stack that is to be reconciled or accepted; none without a report."""

    drifted: DriftedStack
    report_id: str | None
    checked_at: datetime | None


def read_fix(ctx: Context, principal: Principal, stack_id: str) -> FixPage:
    """Read the drift that a person is about to decide about.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``; it needs ``stack:write``.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, Right.STACK_WRITE)
        report = latest_reports(session, [stack]).get(stack.id)
        drifted = describe_stack(ctx, principal, stack, report, findings_of(session, [stack.id]))
        return FixPage(
            drifted=drifted,
            report_id=report.id if report is not None and drifted.can_fix else None,
            checked_at=report.checked_at if report is not None else None,
        )
