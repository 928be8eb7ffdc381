"""What the drift page shows: counts by verdict, and per stack what changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.catalog.catalog import Catalog
from app.console.read_models.rows import StackRow
from app.domain.drift import DriftStatus
from app.domain.permissions import Right
from app.models import DriftReport, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.fleet import count_fleet, stacks_by_verdict
from app.services.inventory import latest_reports
from app.services.pages import PageRequest


@dataclass(frozen=True)
class DriftedStack:
    """A stack with what its last check found."""

    stack: StackRow
    checked_at: datetime | None
    next_check_at: datetime | None
    changes: list[Mapping[str, Any]]
    has_pending_changes: bool
    may_check: bool


@dataclass(frozen=True)
class DriftPage:
    """One page of the fleet's drift."""

    counts: dict[str, int]
    stacks: list[DriftedStack]
    next_cursor: str | None


def read_drift_page(
    ctx: Context, principal: Principal, verdicts: Collection[DriftStatus], page: PageRequest
) -> DriftPage:
    """Read the stacks with one of ``verdicts`` and the counts of all."""
    with ctx.read() as session:
        found = stacks_by_verdict(session, principal, verdicts, page)
        reports = latest_reports(session, list(found.items))
        stacks = [
            _describe(stack, reports.get(stack.id), ctx.catalog, principal) for stack in found.items
        ]
        counts = count_fleet(session, principal).by_drift
        return DriftPage(counts, stacks, found.next_cursor)


def _describe(
    stack: Stack, report: DriftReport | None, catalog: Catalog, principal: Principal
) -> DriftedStack:
    # A report is older than the verdict once an apply has made the verdict worthless.
    is_current = report is not None and stack.drift_status == report.status
    return DriftedStack(
        stack=StackRow.of(stack, catalog),
        checked_at=stack.drift_checked_at,
        next_check_at=stack.schedule.next_check_at if stack.schedule.is_enabled else None,
        changes=report.changes if report is not None and is_current else [],
        has_pending_changes=bool(report and is_current and report.has_pending_changes),
        may_check=principal.has(Right.STACK_WRITE, stack.project_id),
    )
