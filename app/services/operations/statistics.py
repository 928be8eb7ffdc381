"""Figures about operations that ended: how many a day with which outcome, how long steps take.

An id begins with the time at which it was made, so a range of ids is a range of time; both
questions walk the index (status, id) and never the operations of other days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from statistics import median

from sqlalchemy import CTE, Integer, String, bindparam, column, func, select, text
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.operation_registry import types_where
from app.domain.operations import OperationStatus, StepName, StepStatus
from app.models import Operation, OperationStep
from app.services.access import Principal
from app.services.operations.queries import seen_operations

SHOWN_DAYS = 30
MEASURED_OPERATIONS = 200
OUTCOMES: Mapping[OperationStatus, str] = {
    OperationStatus.APPLIED: "applied",
    OperationStatus.ERRORED: "failed",
    OperationStatus.INTERRUPTED: "failed",
    OperationStatus.CANCELED: "stopped",
    OperationStatus.DISCARDED: "stopped",
}
"""Operations that were to change something; a plan or a drift check is not counted."""


@dataclass(frozen=True)
class StepDuration:
    """How long a step took over the last applied operations, in seconds."""

    name: str
    count: int
    median_seconds: float
    longest_seconds: float


def count_by_day(session: Session, principal: Principal) -> dict[date, dict[str, int]]:
    """Count what was asked for on each of the last days (UTC) by outcome, the oldest day first."""
    today = utc_now().date()
    days = [today - timedelta(days=before) for before in reversed(range(SHOWN_DAYS))]
    # To the end of tomorrow: whoever makes ids may have a clock that is ahead.
    bounds = [datetime.combine(day, time(), UTC) for day in (*days, today + timedelta(days=2))]
    starts = {f"start_{n}": ids.first_id(ids.OPERATION, at) for n, at in enumerate(bounds)}
    day = _days()
    is_of_day = (Operation.id >= day.c.column2) & (Operation.id < day.c.column3)
    counted = select(day.c.column1, Operation.status, func.count())
    query = (
        seen_operations(counted.join_from(day, Operation, is_of_day), principal)
        .where(
            Operation.status.in_(sorted(OUTCOMES)),
            Operation.type.not_in(types_where(lambda facts: facts.checks_drift)),
        )
        .group_by(day.c.column1, Operation.status)
    )
    counts: dict[date, dict[str, int]] = {day: {} for day in days}
    for place, status, count in session.execute(query, starts):
        outcome, found = OUTCOMES[OperationStatus(status)], counts[days[place]]
        found[outcome] = found.get(outcome, 0) + count
    return counts


@cache
def _days() -> CTE:
    """Return a table of the shown days: number, first id, and first id after it.

    Each day's operations are then looked up by status and id; to find the day of each operation
    takes twice as long. As text: SQLAlchemy would put its own ``values`` together at each visit.
    """
    rows = ", ".join(f"({n}, :start_{n}, :start_{n + 1})" for n in range(SHOWN_DAYS))
    names = (bindparam(f"start_{n}", type_=String) for n in range(SHOWN_DAYS + 1))
    columns = (column("column1", Integer), column("column2", String), column("column3", String))
    return text(f"VALUES {rows}").bindparams(*names).columns(*columns).cte("days")


def measure_steps(session: Session, principal: Principal) -> list[StepDuration]:
    """Measure the steps of the last applied operations, in the order in which they run."""
    last = (
        seen_operations(select(Operation.id), principal)
        .where(Operation.status == OperationStatus.APPLIED)
        .order_by(Operation.id.desc())
        .limit(MEASURED_OPERATIONS)
    )
    query = select(OperationStep.name, OperationStep.started_at, OperationStep.ended_at).where(
        OperationStep.operation_id.in_(last.scalar_subquery()),
        OperationStep.status == StepStatus.DONE,
        OperationStep.ended_at.is_not(None),
    )
    seconds: dict[str, list[float]] = {}
    for name, started, ended in session.execute(query):
        seconds.setdefault(name, []).append((ended - started).total_seconds())
    return [
        StepDuration(name, len(times), median(times), max(times))
        for name in StepName
        if (times := seconds.get(name))
    ]
