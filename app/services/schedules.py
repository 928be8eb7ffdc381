"""When stacks are checked for drift: settings of a stack and of a project, and what is due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from croniter import croniter
from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session, joinedload

from app.clock import utc_now
from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import next_check_at
from app.domain.drift_pace import retry_after
from app.domain.operations import FINAL, OperationType
from app.domain.stacks import StackStatus
from app.errors import ValidationError
from app.models import Operation, Project, Schedule, Stack
from app.services.access import SYSTEM_PRINCIPAL
from app.services.change_control import check_windows
from app.services.context import Context
from app.services.drift.watch_windows import LOOKED_AGAIN_AFTER, first_open, is_open_at
from app.services.operation_queue import STACK_ALONE, add_operation
from app.settings import Settings

MIN_INTERVAL_SECONDS = 10
MAX_INTERVAL_SECONDS = 30 * 86400
CLAIMED_AT_ONCE = 50
CHECKABLE = (StackStatus.READY, StackStatus.FAILED, StackStatus.NEEDS_ATTENTION)
CLOCK_TOLERANCE = timedelta(seconds=60)
"""How far the clocks of two hosts may be apart; more means that a clock was set back."""


@dataclass(frozen=True)
class Rhythm:
    """How often: every ``interval_seconds``, or by the lines of ``cron`` (UTC)."""

    interval_seconds: int
    cron: str | None = None


@dataclass(frozen=True)
class DriftSettings:
    """How a stack is watched; ``None`` leaves a setting as it is.

    Who gives an interval or a cron line has a rhythm of its own; ``follow_project`` gives it up.
    ``auto_reconcile`` also turns it on again; ``clear_auto_reconcile`` ends it.
    """

    enabled: bool | None = None
    interval_seconds: int | None = None
    cron: str | None = None
    follow_project: bool | None = None
    auto_reconcile: AutoReconcile | None = None
    clear_auto_reconcile: bool = False


@dataclass(frozen=True)
class ProjectDrift:
    """How the stacks of a project are watched that have no rhythm of their own.

    ``None`` leaves a setting as it is; ``is_default`` goes back to the rhythm of the installation.
    ``windows`` hold for all of its stacks; none of them means any time.
    """

    enabled: bool | None = None
    interval_seconds: int | None = None
    cron: str | None = None
    is_default: bool = False
    windows: list[dict[str, Any]] | None = None


def rhythm_of(settings: Settings, project: Project) -> Rhythm:
    """Return the rhythm of the stacks that follow their project."""
    interval_seconds = project.drift_interval_seconds or settings.drift_interval_seconds
    return Rhythm(interval_seconds, project.drift_cron)


def make_schedule(stack_id: str, wanted: DriftSettings, default: Rhythm) -> Schedule:
    """Return the schedule of a new stack; ``default`` is the rhythm of its project.

    Raises:
        ValidationError: interval or cron is not acceptable.
    """
    schedule = Schedule(
        stack_id=stack_id,
        is_enabled=True,
        interval_seconds=default.interval_seconds,
        cron=default.cron,
        follows_project=True,
        failures=0,
    )
    change_schedule(schedule, wanted, default)
    _plan_next(schedule, utc_now())
    return schedule


def change_schedule(schedule: Schedule, wanted: DriftSettings, default: Rhythm) -> bool:
    """Apply the settings that are given and compute the next check; tell whether any is new.

    Args:
        schedule: of the stack.
        wanted: what to change.
        default: the rhythm of its project.

    Raises:
        ValidationError: interval or cron is not acceptable, or two rhythms are asked for.
    """
    _check_rhythm(wanted.interval_seconds, wanted.cron)
    says_rhythm = wanted.interval_seconds is not None or wanted.cron is not None
    if says_rhythm and wanted.follow_project:
        message = "Give interval_seconds or cron, or follow the project, not both."
        raise ValidationError.at("/drift", message)
    is_new_reconcile = _change_auto_reconcile(schedule, wanted)
    before = _shown(schedule)
    if wanted.cron is not None:
        schedule.cron = wanted.cron
    if wanted.interval_seconds is not None:
        schedule.interval_seconds, schedule.cron = wanted.interval_seconds, None
    if says_rhythm:
        schedule.follows_project = False
    elif wanted.follow_project is not None:
        schedule.follows_project = wanted.follow_project
    if schedule.follows_project:
        schedule.interval_seconds, schedule.cron = default.interval_seconds, default.cron
    if wanted.enabled is not None:
        schedule.is_enabled = wanted.enabled
    if before == _shown(schedule):
        return is_new_reconcile
    _plan_next(schedule, utc_now())
    return True


def change_project_drift(
    session: Session, settings: Settings, project: Project, wanted: ProjectDrift
) -> bool:
    """Change how the stacks of a project are watched; tell whether anything is new.

    Stacks that follow the project get its rhythm; pausing it moves no schedule, so what is due is
    checked once when it goes on.

    Raises:
        ValidationError: interval or cron is not acceptable, or both are given, or a window is not.
    """
    _check_rhythm(wanted.interval_seconds, wanted.cron)
    before = _shown_of(project)
    if wanted.enabled is not None:
        project.drift_enabled = wanted.enabled
    if wanted.is_default:
        project.drift_interval_seconds = project.drift_cron = None
    if wanted.cron is not None:
        project.drift_cron = wanted.cron
    if wanted.interval_seconds is not None:
        project.drift_interval_seconds, project.drift_cron = wanted.interval_seconds, None
    if wanted.windows is not None:
        windows = check_windows(wanted.windows, "/drift/windows")
        project.drift_windows = [item.to_dict() for item in windows]
    after = _shown_of(project)
    if after[1:] != before[1:]:
        _pass_on(session, project, rhythm_of(settings, project))
    return after != before


def following_check(schedule: Schedule, now: datetime) -> datetime:
    """Return the first check after ``now``; what was missed meanwhile is coalesced."""
    if schedule.cron is None:
        return next_check_at(now, schedule.interval_seconds, schedule.stack_id)
    following: datetime = croniter(schedule.cron, now.astimezone(UTC)).get_next(datetime)
    return following


def is_watched(stack: Stack) -> bool:
    """Tell whether the clock has the stack checked: neither it nor its project is paused."""
    is_on = stack.schedule.is_enabled and stack.project.drift_enabled
    return is_on and stack.deleted_at is None


def next_check(stack: Stack) -> datetime | None:
    """Return when the clock has the stack checked; ``None`` when it does not, or not this week."""
    if not is_watched(stack):
        return None
    return first_open(stack.project, stack.schedule.next_check_at)


def settle_check(stack: Stack, now: datetime, *, has_failed: bool) -> None:
    """Note the end of a check: one that failed is tried again soon, ever later while it fails."""
    schedule = stack.schedule
    if not has_failed:
        schedule.failures = 0
        return
    schedule.failures += 1
    schedule.next_check_at, schedule.planned_at = now + retry_after(schedule.failures), now


def claim_due(ctx: Context) -> int:
    """Queue a drift check for each stack that is due and idle; return how many.

    One transaction moves ``next_check_at`` on and makes the operations, so two ticks at once
    cannot check a stack twice in a period. What is due outside the windows of its project is
    checked once when they open.
    """
    now, claimed = utc_now(), 0
    with ctx.write() as session:
        due = session.scalars(_due(now).with_for_update(of=Schedule, skip_locked=True)).all()
        for schedule in due:
            if not is_open_at(schedule.stack.project, now):
                opens_at = first_open(schedule.stack.project, now)
                schedule.next_check_at = opens_at or now + LOOKED_AGAIN_AFTER
                schedule.planned_at = now
                continue
            _plan_next(schedule, now)
            check = OperationType.DRIFT_CHECK
            add_operation(session, schedule.stack, check, SYSTEM_PRINCIPAL, is_rung=False)
            claimed += 1
    return claimed


def _check_rhythm(interval_seconds: int | None, cron: str | None) -> None:
    if interval_seconds is not None and cron is not None:
        raise ValidationError.at("/drift", "Give interval_seconds or cron, not both.")
    if cron is not None and not (croniter.is_valid(cron, strict=True) and len(cron.split()) == 5):
        raise ValidationError.at("/drift/cron", "Not a cron expression of five fields (UTC).")


def _change_auto_reconcile(schedule: Schedule, wanted: DriftSettings) -> bool:
    """Tell whether it is otherwise now; the same settings again turn on what has turned off."""
    before = schedule.auto_reconcile
    if wanted.auto_reconcile is not None:
        settings = wanted.auto_reconcile.to_dict()
        is_same = before is not None and {**before, **settings} == before
        if not (is_same and before is not None and not before.get("off_since")):
            schedule.auto_reconcile = settings
    elif wanted.clear_auto_reconcile:
        schedule.auto_reconcile = None
    return schedule.auto_reconcile != before


def _shown(schedule: Schedule) -> tuple[bool, int, str | None, bool]:
    return (
        schedule.is_enabled,
        schedule.interval_seconds,
        schedule.cron,
        schedule.follows_project,
    )


def _plan_next(schedule: Schedule, now: datetime) -> None:
    schedule.next_check_at, schedule.planned_at = following_check(schedule, now), now


def _shown_of(project: Project) -> tuple[bool, int | None, str | None, list[Any]]:
    return (
        project.drift_enabled,
        project.drift_interval_seconds,
        project.drift_cron,
        project.drift_windows,
    )


def _pass_on(session: Session, project: Project, rhythm: Rhythm) -> None:
    """Give the stacks of a project its rhythm, and plan them all anew: windows hold for each."""
    now = utc_now()
    schedules = session.scalars(
        select(Schedule)
        .join(Stack, Stack.id == Schedule.stack_id)
        .where(Stack.project_id == project.id, Stack.deleted_at.is_(None))
    )
    for schedule in schedules:
        if schedule.follows_project:
            schedule.interval_seconds, schedule.cron = rhythm.interval_seconds, rhythm.cron
        _plan_next(schedule, now)


def _due(now: datetime) -> Select[tuple[Schedule]]:
    # A clock that was set back would otherwise stop all checks until it is there again.
    is_due = or_(Schedule.next_check_at <= now, Schedule.planned_at > now + CLOCK_TOLERANCE)
    return (
        select(Schedule)
        .join(Stack, Stack.id == Schedule.stack_id)
        .join(Project, Project.id == Stack.project_id)
        .where(
            Schedule.is_enabled,
            Project.drift_enabled,
            is_due,
            Stack.status.in_(CHECKABLE),
            Stack.applied_generation > 0,
            ~exists().where(Operation.stack_id == Stack.id, Operation.status.not_in(FINAL)),
        )
        .options(joinedload(Schedule.stack).options(*STACK_ALONE))
        .order_by(Schedule.next_check_at)
        .limit(CLAIMED_AT_ONCE)
    )
