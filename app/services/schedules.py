"""When stacks are checked for drift: settings of a stack, and claiming those that are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from croniter import croniter
from sqlalchemy import Select, exists, select

from app.clock import utc_now
from app.domain.drift import next_check_at
from app.domain.operations import FINAL, OperationType
from app.domain.stacks import StackStatus
from app.errors import ValidationError
from app.models import Operation, Schedule, Stack
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.operation_queue import add_operation

MIN_INTERVAL_SECONDS = 10
MAX_INTERVAL_SECONDS = 30 * 86400
CLAIMED_AT_ONCE = 50
CHECKABLE = (StackStatus.READY, StackStatus.FAILED, StackStatus.NEEDS_ATTENTION)


@dataclass(frozen=True)
class DriftSettings:
    """How a stack is watched; ``None`` leaves a setting as it is."""

    enabled: bool | None = None
    interval_seconds: int | None = None
    cron: str | None = None


def make_schedule(ctx: Context, stack_id: str, wanted: DriftSettings) -> Schedule:
    """Return the schedule of a new stack.

    Raises:
        ValidationError: interval or cron is not acceptable.
    """
    now = utc_now()
    schedule = Schedule(
        stack_id=stack_id,
        is_enabled=True,
        interval_seconds=ctx.settings.drift_interval_seconds,
        cron=None,
        next_check_at=now,
    )
    if not change_schedule(schedule, wanted):
        schedule.next_check_at = following_check(schedule, now)
    return schedule


def change_schedule(schedule: Schedule, wanted: DriftSettings) -> bool:
    """Apply the settings that are given and compute the next check; tell whether any is new.

    Raises:
        ValidationError: interval or cron is not acceptable, or both are given.
    """
    if wanted.interval_seconds is not None and wanted.cron is not None:
        raise ValidationError.at("/drift", "Give interval_seconds or cron, not both.")
    before = (schedule.is_enabled, schedule.interval_seconds, schedule.cron)
    if wanted.cron is not None:
        if not croniter.is_valid(wanted.cron, strict=True) or len(wanted.cron.split()) != 5:
            raise ValidationError.at("/drift/cron", "Not a cron expression of five fields (UTC).")
        schedule.cron = wanted.cron
    if wanted.interval_seconds is not None:
        schedule.interval_seconds, schedule.cron = wanted.interval_seconds, None
    if wanted.enabled is not None:
        schedule.is_enabled = wanted.enabled
    if before == (schedule.is_enabled, schedule.interval_seconds, schedule.cron):
        return False
    schedule.next_check_at = following_check(schedule, utc_now())
    return True


def following_check(schedule: Schedule, now: datetime) -> datetime:
    """Return the first check after ``now``; what was missed meanwhile is coalesced."""
    if schedule.cron is None:
        return next_check_at(now, schedule.interval_seconds, schedule.stack_id)
    following: datetime = croniter(schedule.cron, now.astimezone(UTC)).get_next(datetime)
    return following


def claim_due(ctx: Context) -> int:
    """Queue a drift check for each stack that is due and idle; return how many.

    One transaction moves ``next_check_at`` on and makes the operations, so two ticks at once
    cannot check a stack twice in a period.
    """
    now = utc_now()
    with ctx.write() as session:
        due = session.scalars(_due(now).with_for_update(of=Schedule, skip_locked=True)).all()
        for schedule in due:
            schedule.next_check_at = following_check(schedule, now)
            add_operation(session, schedule.stack, OperationType.DRIFT_CHECK, SYSTEM_PRINCIPAL)
        return len(due)


def _due(now: datetime) -> Select[tuple[Schedule]]:
    return (
        select(Schedule)
        .join(Stack, Stack.id == Schedule.stack_id)
        .where(
            Schedule.is_enabled,
            Schedule.next_check_at <= now,
            Stack.status.in_(CHECKABLE),
            Stack.applied_generation > 0,
            ~exists().where(Operation.stack_id == Stack.id, Operation.status.not_in(FINAL)),
        )
        .order_by(Schedule.next_check_at)
        .limit(CLAIMED_AT_ONCE)
    )
