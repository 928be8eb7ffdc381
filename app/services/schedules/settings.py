"""How often stacks are checked for drift: the settings of a stack and of a project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from croniter import croniter
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.config.settings import Settings
from app.domain.auto_reconcile import AutoReconcile
from app.errors import ValidationError
from app.models import Project, Schedule, Stack
from app.services.schedules.next_check import plan_next
from app.services.schedules.windows import check_windows

MIN_INTERVAL_SECONDS = 10


MAX_INTERVAL_SECONDS = 30 * 86400


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
    plan_next(schedule, utc_now())
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
    plan_next(schedule, utc_now())
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
        plan_next(schedule, now)
