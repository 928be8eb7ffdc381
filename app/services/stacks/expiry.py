"""Stacks whose life time ends: warn before, then destroy them or ask a person to.

Called by the tick. What has been told or asked is kept with the stack, so nobody is told twice,
and again once somebody has given it another life time.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select

from app.clock import rfc3339, utc_now
from app.domain.stacks import OnExpiry, StackStatus
from app.errors import ConflictError
from app.logs import get_logger
from app.models import Stack
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.stacks.deletion import delete_stack
from app.services.webhooks import outbox
from app.services.work import Work, perform

AT_ONCE = 50
WARNINGS = (timedelta(days=1), timedelta(hours=1))
GOING = (StackStatus.DELETING, StackStatus.DELETED)

log = get_logger(__name__)


def warn_of_expiry(ctx: Context) -> int:
    """Tell of each stack that expires within a day, and again within an hour; return how many."""
    now = utc_now()
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        due = work.session.scalars(
            select(Stack)
            .where(
                Stack.expires_at > now,
                Stack.expires_at <= now + max(WARNINGS),
                Stack.deleted_at.is_(None),
                Stack.status.not_in(GOING),
            )
            .order_by(Stack.expires_at)
        ).all()
        warned = [stack for stack in due if _is_warning_due(stack, now)]
        for stack in warned:
            _warn(work, stack, now)
        return len(warned)


def end_expired(ctx: Context) -> int:
    """Queue the destruction of each stack past its ``expires_at``; return how many are going.

    One that says ``ask`` gets a destroy whose plan awaits approval, once for each life time. A
    protected stack, or one that others use, stays until that has changed; it is looked at again
    at every tick.
    """
    with ctx.read() as session:
        due = session.scalars(
            select(Stack.id)
            .where(
                Stack.expires_at <= utc_now(),
                Stack.deleted_at.is_(None),
                Stack.deletion_protection.is_(False),
                Stack.status.not_in(GOING),
                _is_undecided(),
            )
            .order_by(Stack.expires_at)
            .limit(AT_ONCE)
        ).all()
    return sum(_end(ctx, stack_id) for stack_id in due)


def _is_undecided() -> ColumnElement[bool]:
    return or_(
        Stack.on_expiry == OnExpiry.DESTROY,
        Stack.expiry_asked_at.is_(None),
        Stack.expiry_asked_at < Stack.expires_at,
    )


def _end(ctx: Context, stack_id: str) -> bool:
    try:
        with perform(ctx, SYSTEM_PRINCIPAL) as work:
            is_asking = work.session.get_one(Stack, stack_id).on_expiry == OnExpiry.ASK
            stack, _ = delete_stack(work, stack_id, requires_approval=is_asking)
            if is_asking:
                stack.expiry_asked_at = utc_now()
    except ConflictError as error:
        log.info("expired_stack_kept", stack_id=stack_id, code=error.code)
        return False
    return True


def _is_warning_due(stack: Stack, now: datetime) -> bool:
    """Tell whether a warning of this life time has come since the last one was given."""
    if stack.expires_at is None:
        return False
    begun = [stack.expires_at - before for before in WARNINGS if stack.expires_at - before <= now]
    return bool(begun) and (stack.expiry_warned_at is None or stack.expiry_warned_at < max(begun))


def _warn(work: Work, stack: Stack, now: datetime) -> None:
    stack.expiry_warned_at = now
    outbox.expiring(work.session, stack)
    audit.record_stack(
        work,
        "stack.expiring",
        stack,
        name=stack.name,
        expires_at=rfc3339(stack.expires_at),
        on_expiry=stack.on_expiry,
    )
    log.warning("stack_expiring", stack_id=stack.id, name=stack.name, on_expiry=stack.on_expiry)
