"""Check many stacks at once, on demand; and tell when one could not be checked for too long.

A sweep goes the way of scheduled checks: it makes stacks due, so that it coalesces with what is
queued, keeps their limit, and never comes before the work of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import exists, select, update

from app.clock import utc_now
from app.domain.drift import DriftStatus
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL
from app.domain.permissions import Right
from app.errors import PermissionDeniedError
from app.models import Operation, Project, Schedule, Stack
from app.services import audit
from app.services.access import visible
from app.services.context import Context
from app.services.drift.queue_due import CHECKABLE
from app.services.lookup import fits, is_project
from app.services.schedules.windows import closed_projects
from app.services.webhooks import outbox
from app.services.work import Work

AT_ONCE = 50


@dataclass(frozen=True)
class CheckFilter:
    """Which stacks are to be checked; ``None`` does not filter."""

    project: str | None = None
    stack: str | None = None
    kind: str | None = None
    cloud: str | None = None
    status: str | None = None


@dataclass(frozen=True)
class Sweep:
    """What became of a request to check: how many stacks, by what happens to them."""

    due: int
    already_queued: int
    not_watched: int


def check_many(work: Work, wanted: CheckFilter) -> Sweep:
    """Make the stacks that the caller may have checked due now.

    Raises:
        PermissionDeniedError: the caller lacks ``stack:write`` everywhere.
    """
    if not work.principal.has_anywhere(Right.STACK_WRITE):
        raise PermissionDeniedError("This needs the right 'stack:write' in a project.")
    now = utc_now()
    is_queued = exists().where(
        Operation.stack_id == Stack.id,
        Operation.type.in_(types_where(lambda facts: facts.checks_drift)),
        Operation.status.not_in(FINAL),
    )
    closed = sorted(closed_projects(work.session, now))
    is_watched = Schedule.is_enabled & Project.drift_enabled & Project.id.not_in(closed)
    joined = select(Stack.id, is_watched, is_queued).join(Schedule, Schedule.stack_id == Stack.id)
    query = joined.join(Project, Project.id == Stack.project_id).where(
        visible(work.principal, Stack.project_id, Right.STACK_WRITE),
        Stack.deleted_at.is_(None),
        Stack.status.in_(CHECKABLE),
        Stack.applied_generation > 0,
    )
    columns = {
        Stack.id: wanted.stack,
        Stack.kind: wanted.kind,
        Stack.cloud: wanted.cloud,
        Stack.drift_status: wanted.status,
    }
    query = query.where(fits(columns))
    if wanted.project is not None:
        query = query.where(is_project(wanted.project))
    rows = work.session.execute(query).all()
    due = [name for name, watched, queued in rows if watched and not queued]
    for start in range(0, len(due), AT_ONCE):
        some = Schedule.stack_id.in_(due[start : start + AT_ONCE])
        work.session.execute(
            update(Schedule).where(some, Schedule.next_check_at > now).values(next_check_at=now)
        )
    sweep = Sweep(
        due=len(due),
        already_queued=sum(bool(queued) for _, _, queued in rows),
        not_watched=sum(not (watched or queued) for _, watched, queued in rows),
    )
    project = wanted.project
    audit.record(work, "drift.check_many", "drift", project or "all", due=sweep.due)
    return sweep


def tell_unknown(ctx: Context) -> int:
    """Tell, once each, of stacks that could not be checked for too long; return how many."""
    now = utc_now()
    since = now - timedelta(seconds=ctx.settings.drift_unknown_seconds)
    query = (
        select(Stack)
        .where(
            Stack.drift_status == DriftStatus.UNKNOWN,
            Stack.drift_since <= since,
            Stack.drift_unknown_told_at.is_(None),
            Stack.deleted_at.is_(None),
            Stack.schedule.has(Schedule.is_enabled),  # nobody waits for what is paused
            Stack.project.has(Project.drift_enabled),
        )
        .limit(AT_ONCE)
    )
    with ctx.read() as session:
        if session.scalars(query).first() is None:
            return 0
    with ctx.write() as session:
        late = session.scalars(query.with_for_update(of=Stack, skip_locked=True)).unique().all()
        for stack in late:
            stack.drift_unknown_told_at = now
            outbox.drift_unknown(session, stack)
        return len(late)
