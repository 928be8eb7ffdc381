"""What the drift page shows: the fleet, its trend, and stacks, causes or single findings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.console.drift.drifted_stack import DriftedStack, describe_stack
from app.console.drift.finding_rows import FindingRow
from app.console.drift.trend import draw_trend
from app.console.shell.charts import ColumnChart
from app.domain.drift import ChangeKind, DriftStatus
from app.domain.drift_findings import cause_paths
from app.domain.permissions import Right
from app.models import DriftFinding
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.causes import CauseGroup, list_causes
from app.services.drift.health import Overdue, Pulse, read_overdue, read_pulse
from app.services.drift.queries import FindingFilter, count_findings, findings_of, list_findings
from app.services.drift.reports import latest_reports
from app.services.paging import PageRequest
from app.services.stacks.fleet import OFF_RECORD, count_fleet, stacks_by_verdict
from app.services.stacks.queries import StackFilter

GROUPS = {"stack": "By stack", "cause": "By cause", "hidden": "Hidden by rules"}


@dataclass(frozen=True)
class DriftFilters:
    """What the address of the page asks for; ``None`` does not filter."""

    group: str
    verdict: str | None = None
    project: str | None = None
    kind: str | None = None
    cloud: str | None = None
    cause: str | None = None

    @property
    def verdicts(self) -> Collection[DriftStatus]:
        """Return which verdicts are shown: without a choice, what is not in order."""
        return (DriftStatus(self.verdict),) if self.verdict else OFF_RECORD

    def findings(self, *, hidden: bool) -> FindingFilter:
        """Return the same filter for findings."""
        return FindingFilter(
            project=self.project,
            kind=self.kind,
            cloud=self.cloud,
            cause=self.cause,
            hidden=hidden,
            is_current=True,
        )


@dataclass(frozen=True)
class DriftCause:
    """Findings that probably have one cause, shown by the oldest of them."""

    example: FindingRow
    cloud: str
    paths: list[str]
    findings: int
    stacks: int
    first_seen_at: datetime
    key: str


@dataclass(frozen=True)
class DriftOverview:
    """The whole page; of ``stacks``, ``causes`` and ``findings`` what the group asks for."""

    counts: dict[str, int]
    total: int
    trend: ColumnChart
    pulse: Pulse
    overdue: Overdue
    hidden: int
    kinds: list[tuple[str, str]]
    may_check: bool
    stacks: list[DriftedStack]
    causes: list[DriftCause]
    findings: list[FindingRow]
    next_cursor: str | None


@dataclass(frozen=True)
class FindingList:
    """One page of findings, for an export."""

    rows: list[FindingRow]
    next_cursor: str | None


def read_drift_page(
    ctx: Context, principal: Principal, wanted: DriftFilters, page: PageRequest
) -> DriftOverview:
    """Read the page through the caller's eyes."""
    with ctx.read() as session:
        fleet = count_fleet(session, principal)
        stacks, causes, findings, cursor = _lists(ctx, session, principal, wanted, page)
        return DriftOverview(
            counts=fleet.by_drift,
            total=fleet.total,
            trend=draw_trend(session, principal, fleet),
            pulse=read_pulse(ctx),
            overdue=read_overdue(session),
            hidden=count_findings(session, principal, FindingFilter(hidden=True, is_current=True)),
            kinds=[(kind.kind, kind.title) for kind in ctx.catalog.kinds.values()],
            may_check=principal.has_anywhere(Right.STACK_WRITE),
            stacks=stacks,
            causes=causes,
            findings=findings,
            next_cursor=cursor,
        )


def read_findings(
    ctx: Context, principal: Principal, wanted: DriftFilters, page: PageRequest
) -> FindingList:
    """Read a page of the findings that the filters leave."""
    chosen = wanted.findings(hidden=wanted.group == "hidden")
    with ctx.read() as session:
        found = list_findings(session, principal, chosen, page)
        rows = [FindingRow.of(row, principal) for row in found.items]
        return FindingList(rows, found.next_cursor)


def _lists(
    ctx: Context, session: Session, principal: Principal, wanted: DriftFilters, page: PageRequest
) -> tuple[list[DriftedStack], list[DriftCause], list[FindingRow], str | None]:
    if wanted.group == "stack":
        stacks, cursor = _stacks(ctx, session, principal, wanted, page)
        return stacks, [], [], cursor
    is_hidden = wanted.group == "hidden"
    chosen = wanted.findings(hidden=is_hidden)
    if is_hidden or wanted.cause is not None:
        found = list_findings(session, principal, chosen, page)
        return [], [], [FindingRow.of(row, principal) for row in found.items], found.next_cursor
    causes = list_causes(session, principal, chosen, page)
    return [], [_cause(group, principal) for group in causes.items], [], causes.next_cursor


def _stacks(
    ctx: Context, session: Session, principal: Principal, wanted: DriftFilters, page: PageRequest
) -> tuple[list[DriftedStack], str | None]:
    place = StackFilter(project=wanted.project, kind=wanted.kind, cloud=wanted.cloud)
    found = stacks_by_verdict(session, principal, wanted.verdicts, page, place)
    reports = latest_reports(session, list(found.items))
    rows: dict[str, list[DriftFinding]] = {}
    for row in findings_of(session, [stack.id for stack in found.items]):
        rows.setdefault(row.stack_id, []).append(row)
    stacks = [
        describe_stack(ctx, principal, stack, reports.get(stack.id), rows.get(stack.id, []))
        for stack in found.items
    ]
    return stacks, found.next_cursor


def _cause(group: CauseGroup, principal: Principal) -> DriftCause:
    row = group.example
    is_update = row.change == ChangeKind.UPDATED
    return DriftCause(
        example=FindingRow.of(row, principal),
        cloud=row.stack.cloud,
        paths=cause_paths(item["path"] for item in row.attributes) if is_update else [],
        findings=group.findings,
        stacks=group.stacks,
        first_seen_at=group.first_seen_at,
        key=row.cause,
    )
