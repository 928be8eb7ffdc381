"""How the fleet's drift went over the last days: one row for each project and day (UTC).

The scheduler counts again and again, so the row of a day ends as its last count; today is counted
when somebody asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.drift import DriftStatus
from app.models import DriftDay, Stack
from app.services.access import Principal, visible
from app.services.context import Context

SHOWN_DAYS = 30
KEPT_DAYS = 400


@dataclass(frozen=True)
class TrendDay:
    """How many stacks stood where at the end of a day, by verdict."""

    day: date
    counts: Mapping[str, int]


def count_today(ctx: Context) -> None:
    """Write down how the stacks of each project stand, and forget what is very old."""
    today = utc_now().date()
    counted = (
        select(Stack.project_id, Stack.drift_status, func.count())
        .where(Stack.deleted_at.is_(None))
        .group_by(Stack.project_id, Stack.drift_status)
    )
    with ctx.write() as session:
        projects: dict[str, dict[str, int]] = {}
        for project_id, status, count in session.execute(counted):
            projects.setdefault(project_id, {})[status] = count
        for project_id, counts in projects.items():
            row = session.get(DriftDay, (project_id, today)) or DriftDay(
                project_id=project_id, day=today
            )
            for status in DriftStatus:
                setattr(row, status.value, counts.get(status.value, 0))
            session.add(row)
        old = today - timedelta(days=KEPT_DAYS)
        session.execute(delete(DriftDay).where(DriftDay.day < old))


def read_trend(
    session: Session, principal: Principal, counts_now: Mapping[str, int]
) -> list[TrendDay]:
    """Return the last days that are known, oldest first; today as ``counts_now`` has it."""
    today = utc_now().date()
    columns = [getattr(DriftDay, status.value) for status in DriftStatus]
    query = (
        select(DriftDay.day, *(func.sum(column) for column in columns))
        .where(
            visible(principal, DriftDay.project_id),
            DriftDay.day > today - timedelta(days=SHOWN_DAYS),
            DriftDay.day < today,
        )
        .group_by(DriftDay.day)
        .order_by(DriftDay.day)
    )
    names = [status.value for status in DriftStatus]
    past = [
        TrendDay(day, {name: int(number) for name, number in zip(names, numbers, strict=True)})
        for day, *numbers in session.execute(query)
    ]
    return [*past, TrendDay(today, {name: counts_now.get(name, 0) for name in names})]
