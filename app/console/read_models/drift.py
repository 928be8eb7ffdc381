"""What the drift page shows: the fleet, its trend, and stacks, causes or single findings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.console.charts import ColumnChart, Series, stack_columns
from app.console.read_models.findings import (
    Finding,
    is_losing,
    say_what_happened,
    say_what_mends,
    worst_first,
)
from app.console.read_models.rows import StackRow
from app.domain.drift import ChangeKind, DriftStatus
from app.domain.drift_findings import cause_paths
from app.domain.permissions import Right
from app.models import DriftFinding, DriftReport, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.detector import Overdue, Pulse, read_overdue, read_pulse
from app.services.drift.finding_lists import (
    FindingFilter,
    count_findings,
    findings_of,
    list_findings,
)
from app.services.drift.groups import CauseGroup, list_causes
from app.services.drift.trend import SHOWN_DAYS, TrendDay, read_trend
from app.services.fleet import OFF_RECORD, FleetCounts, count_fleet, stacks_by_verdict
from app.services.inventory import StackFilter, latest_reports
from app.services.pages import PageRequest
from app.services.schedules import next_check

TREND = (
    Series(DriftStatus.DRIFTED, "Drifted", "attention"),
    Series(DriftStatus.UNKNOWN, "Unknown", "bad"),
)
GROUPS = {"stack": "By stack", "cause": "By cause", "hidden": "Hidden by rules"}


@dataclass(frozen=True)
class Wanted:
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
        )


@dataclass(frozen=True)
class DriftedStack:
    """A stack with what its last check found; hidden findings come last."""

    stack: StackRow
    checked_at: datetime | None
    next_check_at: datetime | None
    findings: list[Finding]
    has_pending_changes: bool
    can_mend: bool
    may_act: bool

    @property
    def seen(self) -> list[Finding]:
        """Return the findings that no rule hides."""
        return [item for item in self.findings if item.hidden is None]

    @property
    def happened(self) -> str:
        """Say what was done outside."""
        return say_what_happened(self.seen)

    @property
    def mended(self) -> str | None:
        """Say what reconciling would do."""
        return say_what_mends(self.findings)

    @property
    def is_losing(self) -> bool:
        """Tell whether reconciling would destroy or replace something."""
        return is_losing(self.findings)


@dataclass(frozen=True)
class Cause:
    """Findings that probably have one cause, shown by the oldest of them."""

    example: Finding
    cloud: str
    paths: list[str]
    findings: int
    stacks: int
    first_seen_at: datetime
    key: str


@dataclass(frozen=True)
class DriftPage:
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
    causes: list[Cause]
    findings: list[Finding]
    next_cursor: str | None


def read_drift_page(
    ctx: Context, principal: Principal, wanted: Wanted, page: PageRequest
) -> DriftPage:
    """Read the page through the caller's eyes."""
    with ctx.read() as session:
        fleet = count_fleet(session, principal)
        stacks, causes, findings, cursor = _lists(ctx, session, principal, wanted, page)
        return DriftPage(
            counts=fleet.by_drift,
            total=fleet.total,
            trend=draw_trend(session, principal, fleet),
            pulse=read_pulse(ctx),
            overdue=read_overdue(session),
            hidden=count_findings(session, principal, FindingFilter(hidden=True)),
            kinds=[(kind.kind, kind.title) for kind in ctx.catalog.kinds.values()],
            may_check=principal.has_anywhere(Right.STACK_WRITE),
            stacks=stacks,
            causes=causes,
            findings=findings,
            next_cursor=cursor,
        )


def read_findings(
    ctx: Context, principal: Principal, wanted: Wanted, page: PageRequest
) -> tuple[list[Finding], str | None]:
    """Read a page of the findings that the filters leave, and the cursor of the next one."""
    chosen = wanted.findings(hidden=wanted.group == "hidden")
    with ctx.read() as session:
        found = list_findings(session, principal, chosen, page)
        return [Finding.of(row, principal) for row in found.items], found.next_cursor


def draw_trend(session: Session, principal: Principal, fleet: FleetCounts) -> ColumnChart:
    """Draw drifted and unknown stacks over the last days; a day without a count is a gap."""
    known: dict[str, TrendDay] = {
        day.day.isoformat(): day for day in read_trend(session, principal, fleet.by_drift)
    }
    today = utc_now().date()
    days = [(today - timedelta(days=before)).isoformat() for before in reversed(range(SHOWN_DAYS))]
    points = [(day, known[day].counts if day in known else None) for day in days]
    return stack_columns(points, TREND)


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
    findings = worst_first(Finding.of(row, principal) for row in rows) if is_known else []
    is_current = report is not None and stack.drift_status != DriftStatus.NOT_CHECKED
    return DriftedStack(
        stack=StackRow.of(stack, ctx.catalog),
        checked_at=stack.drift_checked_at,
        next_check_at=next_check(stack),
        findings=findings,
        has_pending_changes=bool(report and is_current and report.has_pending_changes),
        can_mend=bool(report and is_current and _has_met(report)),
        may_act=principal.has(Right.STACK_WRITE, stack.project_id),
    )


def _has_met(report: DriftReport) -> bool:
    """Tell whether a report shows something that can be reconciled or accepted."""
    met = any(change["change"] != ChangeKind.CREATED for change in report.changes)
    return met and report.digest is not None


def _lists(
    ctx: Context, session: Session, principal: Principal, wanted: Wanted, page: PageRequest
) -> tuple[list[DriftedStack], list[Cause], list[Finding], str | None]:
    if wanted.group == "stack":
        stacks, cursor = _stacks(ctx, session, principal, wanted, page)
        return stacks, [], [], cursor
    is_hidden = wanted.group == "hidden"
    chosen = wanted.findings(hidden=is_hidden)
    if is_hidden or wanted.cause is not None:
        found = list_findings(session, principal, chosen, page)
        return [], [], [Finding.of(row, principal) for row in found.items], found.next_cursor
    causes = list_causes(session, principal, chosen, page)
    return [], [_cause(group, principal) for group in causes.items], [], causes.next_cursor


def _stacks(
    ctx: Context, session: Session, principal: Principal, wanted: Wanted, page: PageRequest
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


def _cause(group: CauseGroup, principal: Principal) -> Cause:
    row = group.example
    is_update = row.change == ChangeKind.UPDATED
    return Cause(
        example=Finding.of(row, principal),
        cloud=row.stack.cloud,
        paths=cause_paths(item["path"] for item in row.attributes) if is_update else [],
        findings=group.findings,
        stacks=group.stacks,
        first_seen_at=group.first_seen_at,
        key=row.cause,
    )
