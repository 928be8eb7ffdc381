"""What the overview shows: what is wrong, what waits for the visitor, what runs, and numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.console.drift.trend import draw_trend
from app.console.inbox.read import InboxRow
from app.console.shell.charts import FULL, ColumnChart, Series, stack_columns
from app.console.shell.rows import OperationRow, StackRow
from app.domain.operations import FINAL, OWNED, OperationStatus
from app.domain.permissions import Right
from app.models import Operation
from app.services.access import Principal
from app.services.context import Context
from app.services.installation.health import Check, check_all
from app.services.operations.decisions import list_decisions
from app.services.operations.progress import Progress, read_progress
from app.services.operations.queries import (
    count_with_status,
    failed_by_stack,
    with_status,
)
from app.services.operations.statistics import StepDuration, count_by_day, measure_steps
from app.services.stacks.fleet import FleetCounts, count_fleet, stacks_in_trouble

LIST_ROWS = 6
BUSY = OWNED | {OperationStatus.PENDING, OperationStatus.PLANNED}
BY_DAY = (
    Series("applied", "Applied", "good"),
    Series("failed", "Failed", "bad"),
    Series("stopped", "Canceled or discarded", "quiet"),
)


@dataclass(frozen=True)
class Running:
    """An operation that goes on, and how far it has come once it applies."""

    row: OperationRow
    progress: Progress | None


@dataclass(frozen=True)
class StepBar:
    """How long a step takes, and its share of the longest one (0 to 1000)."""

    step: StepDuration
    share: int


@dataclass(frozen=True)
class OverviewCharts:
    """What the overview draws; read once a visit, not at each renewal."""

    drift: ColumnChart
    operations: ColumnChart
    steps: list[StepBar]


@dataclass(frozen=True)
class OverviewPage:
    """Everything on the overview."""

    fleet: FleetCounts
    in_trouble: list[StackRow]
    may_change: frozenset[str]
    decisions: list[InboxRow]
    decision_count: int
    running: list[Running]
    running_count: int
    ended: list[OperationRow]
    checks: list[Check]
    charts: OverviewCharts | None

    @property
    def is_healthy(self) -> bool:
        """Tell whether every part that Landform stands on is there."""
        return all(check.is_ok for check in self.checks)


def read_overview(ctx: Context, principal: Principal, *, with_charts: bool = True) -> OverviewPage:
    """Read the overview through the caller's eyes."""
    with ctx.read() as session:
        troubled = stacks_in_trouble(session, principal, LIST_ROWS)
        failed = failed_by_stack(session, [stack.id for stack in troubled])
        fleet = count_fleet(session, principal)
        decisions = list_decisions(session, principal)
        return OverviewPage(
            fleet=fleet,
            in_trouble=[
                StackRow.of(stack, ctx.catalog, failed.get(stack.id)) for stack in troubled
            ],
            may_change=frozenset(
                stack.id for stack in troubled if principal.has(Right.STACK_WRITE, stack.project_id)
            ),
            decisions=[InboxRow.of(item) for item in decisions[:LIST_ROWS]],
            decision_count=len(decisions),
            running=[
                Running(OperationRow.of(item), read_progress(session, item))
                for item in with_status(session, principal, BUSY, LIST_ROWS)
            ],
            running_count=sum(count_with_status(session, principal, BUSY).values()),
            ended=_rows(with_status(session, principal, FINAL, LIST_ROWS)),
            checks=check_all(ctx),
            charts=_charts(session, principal, fleet) if with_charts else None,
        )


def _charts(session: Session, principal: Principal, fleet: FleetCounts) -> OverviewCharts:
    days = count_by_day(session, principal)
    points = [(day.isoformat(), counts) for day, counts in days.items()]
    steps = measure_steps(session, principal)
    longest = max((step.median_seconds for step in steps), default=0) or 1
    return OverviewCharts(
        drift=draw_trend(session, principal, fleet),
        operations=stack_columns(points, BY_DAY),
        steps=[StepBar(step, round(FULL * step.median_seconds / longest)) for step in steps],
    )


def _rows(operations: Iterable[Operation]) -> list[OperationRow]:
    return [OperationRow.of(item) for item in operations]
