"""Does the detector of drift itself live? Its heartbeat, what is overdue, and what it has done.

The tick is its pulse. What it has done is counted in SQL by whoever ends a check, as totals that
only grow; readers of ``/readyz`` and ``/metrics`` ask here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.drift import DriftStatus
from app.domain.operations import FINAL, OperationStatus
from app.models import InstallationFact, Operation, Project, Schedule, Stack
from app.services.context import Context
from app.services.queue.order import is_preemptible
from app.services.schedules.next_check import next_check, settle_check

PULSE = "drift_detector"
TOTALS = "drift_totals"
SILENT_AFTER = timedelta(seconds=60)
MISSED_TICKS = 6
UNFINISHED = frozenset(OperationStatus) - FINAL


@dataclass(frozen=True)
class Pulse:
    """The last sign of life: a tick, or the start of the scheduler."""

    at: datetime | None
    is_dead: bool


@dataclass(frozen=True)
class Overdue:
    """Checks that should have been made: how many, and since when the oldest one."""

    count: int
    since: datetime | None


@dataclass(frozen=True)
class Totals:
    """Checks that ended, by verdict, and how long they took from claim to end."""

    by_verdict: dict[str, int]
    seconds: float


def record_pulse(ctx: Context) -> None:
    """Record that drift detection is running."""
    with ctx.write() as session:
        session.merge(InstallationFact(name=PULSE, value={}, updated_at=utc_now()))


def read_pulse(ctx: Context) -> Pulse:
    """Return when drift detection last ran; one that never ran does not count as stopped."""
    with ctx.read() as session:
        fact = session.get(InstallationFact, PULSE)
    patience = max(SILENT_AFTER, timedelta(seconds=MISSED_TICKS * ctx.settings.tick_seconds))
    if fact is None:
        return Pulse(None, is_dead=False)
    return Pulse(fact.updated_at, is_dead=utc_now() - fact.updated_at > patience)


def follow_check(operation: Operation, *, has_failed: bool) -> dict[str, Any]:
    """Follow the end of a drift check, whose verdict stands on the stack already.

    Args:
        operation: the check.
        has_failed: whether it ended without an answer; it is then tried again.

    Returns:
        What its error says more: when it is tried again.
    """
    stack = operation.stack
    settle_check(stack, utc_now(), has_failed=has_failed)
    again_at = next_check(stack) if has_failed else None
    return {"tried_again_at": rfc3339(again_at)} if again_at is not None else {}


def count(session: Session, checks: Sequence[Operation]) -> None:
    """Add checks that end now, with the verdicts on their stacks, to what the detector has done."""
    now = utc_now()
    fact = session.get(InstallationFact, TOTALS, with_for_update=True)
    value: Counter[str] = Counter(fact.value if fact else {})
    for check in checks:
        seconds = max(0.0, (now - (check.started_at or now)).total_seconds())
        value[check.stack.drift_status] += 1
        value["milliseconds"] += round(seconds * 1000)
    session.merge(InstallationFact(name=TOTALS, value=dict(value), updated_at=now))


def read_overdue(session: Session, grace: timedelta = SILENT_AFTER) -> Overdue:
    """Return the checks that are late by more than ``grace``: not queued yet, or queued since."""
    late = utc_now() - grace
    unclaimed = (
        select(func.count(), func.min(Schedule.next_check_at))
        .join(Stack, Stack.id == Schedule.stack_id)
        .join(Project, Project.id == Stack.project_id)
        .where(
            Schedule.is_enabled,
            Project.drift_enabled,
            Schedule.next_check_at <= late,
            Stack.deleted_at.is_(None),
            Stack.applied_generation > 0,
        )
    )
    queued = select(func.count(), func.min(Operation.created_at)).where(
        is_preemptible(Operation),
        Operation.status.in_(sorted(UNFINISHED)),  # walks an index; "not in" reads all there are
        Operation.created_at <= late,
    )
    counts, moments = [], []
    for query in (unclaimed, queued):
        count, oldest = session.execute(query).one()
        counts.append(count)
        moments += [oldest] if oldest is not None else []
    return Overdue(sum(counts), min(moments, default=None))


def read_totals(session: Session) -> Totals:
    """Return what the detector has done since the installation."""
    fact = session.get(InstallationFact, TOTALS)
    known: Counter[str] = Counter(fact.value if fact else {})
    conclusive = (DriftStatus.IN_SYNC, DriftStatus.DRIFTED, DriftStatus.UNKNOWN)
    verdicts = {verdict.value: known[verdict.value] for verdict in conclusive}
    return Totals(verdicts, known["milliseconds"] / 1000)


def count_stacks(session: Session) -> dict[str, int]:
    """Return how many living stacks there are of each verdict."""
    query = (
        select(Stack.drift_status, func.count())
        .where(Stack.deleted_at.is_(None))
        .group_by(Stack.drift_status)
    )
    found = {row[0]: row[1] for row in session.execute(query)}
    return {status.value: found.get(status.value, 0) for status in DriftStatus}
