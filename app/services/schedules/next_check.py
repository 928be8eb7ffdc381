"""When the next scheduled check of a stack is, and whether there is one."""

from __future__ import annotations

from datetime import UTC, datetime

from croniter import croniter

from app.domain.drift import next_check_at
from app.domain.drift_pace import retry_after
from app.models import Schedule, Stack
from app.services.schedules.windows import first_open


def following_check(schedule: Schedule, now: datetime) -> datetime:
    """Return the first check after ``now``; what was missed meanwhile is coalesced."""
    if schedule.cron is None:
        return next_check_at(now, schedule.interval_seconds, schedule.stack_id)
    following: datetime = croniter(schedule.cron, now.astimezone(UTC)).get_next(datetime)
    return following


def is_watched(stack: Stack) -> bool:
    """Tell whether the stack has scheduled checks: neither it nor its project is paused."""
    is_on = stack.schedule.is_enabled and stack.project.drift_enabled
    return is_on and stack.deleted_at is None


def next_check(stack: Stack) -> datetime | None:
    """Return when the next scheduled check is due; ``None`` when none is, or not this week."""
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


def plan_next(schedule: Schedule, now: datetime) -> None:
    """Set the next check after ``now``, and note when that was planned."""
    schedule.next_check_at, schedule.planned_at = following_check(schedule, now), now
