"""Figures about operations for Prometheus: where they stand, how they ended, how long they take.

Each question walks an index and is bounded, since it is asked again every few seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import quantiles

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL, OperationStatus
from app.models import Operation
from app.services.operations.statistics import MEASURED_OPERATIONS, OUTCOMES
from app.services.queue.order import is_preemptible
from app.services.queue.waits import waits_of

DAY = timedelta(days=1)
UNFINISHED = sorted(frozenset(OperationStatus) - FINAL)
EXPLAINED = 200
"""Of so many operations that wait the longest the reasons are counted."""

PERCENTILES: Mapping[str, int] = {"0.5": 50, "0.95": 95}
OF_LANDFORM = frozenset(
    {
        *("worker", "memory", "project_limit", "queue"),
        *("volume", "work_folder", "state_bucket"),
    }
)
"""Reasons for which Landform itself is to blame, and neither a person nor another operation."""


@dataclass(frozen=True)
class QueueFigures:
    """What waits: operations by reason, and how long ago the oldest was asked for.

    The oldest is of those that wait for Landform itself; without one its age is 0.
    """

    by_reason: dict[str, int]
    oldest_seconds: float


@dataclass(frozen=True)
class Durations:
    """Percentiles of the last applied operations, in seconds by name; empty without any.

    Args:
        wait: from the request to the start of work.
        lead: from the request to the end, approvals included.
    """

    wait: dict[str, float]
    lead: dict[str, float]


def count_unfinished(session: Session) -> dict[str, int]:
    """Return how many operations have each status that is not an end."""
    query = (
        select(Operation.status, func.count())
        .where(Operation.status.in_(UNFINISHED))
        .group_by(Operation.status)
    )
    found = {row[0]: row[1] for row in session.execute(query)}
    return {status.value: found.get(status.value, 0) for status in UNFINISHED}


def count_ended(session: Session) -> dict[str, int]:
    """Return how operations ended that were asked for in the last 24 hours to change something."""
    query = (
        select(Operation.status, func.count())
        .where(
            Operation.status.in_(sorted(OUTCOMES)),
            Operation.id >= ids.first_id(ids.OPERATION, utc_now() - DAY),
            Operation.type.not_in(types_where(lambda facts: facts.checks_drift)),
        )
        .group_by(Operation.status)
    )
    found = {row[0]: row[1] for row in session.execute(query)}
    return {status.value: found.get(status.value, 0) for status in OUTCOMES}


def count_unresolved(session: Session) -> int:
    """Return how many interrupted operations hold their stack for their orphans."""
    return session.scalar(select(func.count()).where(Operation.holds_back)) or 0


def read_queue(session: Session) -> QueueFigures:
    """Return what waits and why; scheduled checks have figures of their own."""
    waiting = session.scalars(
        select(Operation)
        .where(Operation.status == OperationStatus.PENDING, ~is_preemptible(Operation))
        .order_by(Operation.id)
        .limit(EXPLAINED)
    ).all()
    by_reason: dict[str, int] = dict.fromkeys(sorted(OF_LANDFORM), 0)
    oldest, now = 0.0, utc_now()
    reasons = waits_of(session, waiting)
    for item in waiting:
        reason = str(reasons[item.id]["reason"]) if item.id in reasons else "worker"
        by_reason[reason] = by_reason.get(reason, 0) + 1
        if reason in OF_LANDFORM:
            oldest = max(oldest, (now - item.created_at).total_seconds())
    return QueueFigures(by_reason, oldest)


def measure_operations(session: Session) -> Durations:
    """Measure how long the last applied operations waited and took."""
    rows = session.execute(
        select(Operation.created_at, Operation.started_at, Operation.ended_at)
        .where(Operation.status == OperationStatus.APPLIED)
        .order_by(Operation.id.desc())
        .limit(MEASURED_OPERATIONS)
    ).all()
    wait = [(started - made).total_seconds() for made, started, _ in rows if started]
    lead = [(ended - made).total_seconds() for made, _, ended in rows if ended]
    return Durations(_percentiles(wait), _percentiles(lead))


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    if not seconds:
        return {}
    cuts = quantiles(seconds, n=100, method="inclusive") if len(seconds) > 1 else [*seconds] * 99
    return {name: max(0.0, cuts[place - 1]) for name, place in PERCENTILES.items()}
