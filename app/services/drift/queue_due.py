"""Queue a drift check for each stack whose scheduled check is due."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import joinedload

from app.clock import utc_now
from app.domain.operations import FINAL, OperationType
from app.domain.stacks import StackStatus
from app.models import Operation, Project, Schedule, Stack
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.queue.order import STACK_ALONE, add_operation
from app.services.schedules.next_check import plan_next
from app.services.schedules.windows import LOOKED_AGAIN_AFTER, first_open, is_open_at

CLAIMED_AT_ONCE = 50


CHECKABLE = (StackStatus.READY, StackStatus.FAILED, StackStatus.NEEDS_ATTENTION)


CLOCK_TOLERANCE = timedelta(seconds=60)


"""How far the clocks of two hosts may be apart; more means that a clock was set back."""


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
            plan_next(schedule, now)
            check = OperationType.DRIFT_CHECK
            add_operation(session, schedule.stack, check, SYSTEM_PRINCIPAL, is_notified=False)
            claimed += 1
    return claimed


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
