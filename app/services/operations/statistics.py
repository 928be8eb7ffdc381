"""Figures about operations that ended: how many a day with which outcome, how long steps take.

An id begins with the time at which it was made, so a range of ids is a range of time; both
questions walk the index (status, id) and never the operations of other days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.operation_registry import types_where
from app.domain.operations import OperationStatus, StepName, StepStatus
from app.models import Operation, OperationStep, Stack
from app.services.access import Principal, visible

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
    starts = [ids.first_id(ids.OPERATION, datetime.combine(day, time(), UTC)) for day in days]
    number = case(*((Operation.id >= starts[n], n) for n in reversed(range(SHOWN_DAYS))))
    query = (
        select(number, Operation.status, func.count())
        .join(Stack)
        .where(
            visible(principal, Stack.project_id),
            Operation.status.in_(sorted(OUTCOMES)),
            Operation.id >= starts[0],
            Operation.type.not_in(types_where(lambda facts: facts.checks_drift)),
        )
        .group_by(number, Operation.status)
    )
    counts: dict[date, dict[str, int]] = {day: {} for day in days}
    for place, status, count in session.execute(query):
        outcome, of_day = OUTCOMES[OperationStatus(status)], counts[days[place]]
        of_day[outcome] = of_day.get(outcome, 0) + count
    return counts


def measure_steps(session: Session, principal: Principal) -> list[StepDuration]:
    """Measure the steps of the last applied operations, in the order in which they run."""
    last = (
        select(Operation.id)
        .join(Stack)
        .where(
            visible(principal, Stack.project_id),
            Operation.status == OperationStatus.APPLIED,
        )
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
