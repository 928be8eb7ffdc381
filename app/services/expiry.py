"""Destroy stacks whose life time is over."""

from __future__ import annotations

from sqlalchemy import select

from app.clock import utc_now
from app.domain.stacks import StackStatus
from app.errors import ConflictError
from app.logs import get_logger
from app.models import Stack
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context
from app.services.stack_deletions import delete_stack

AT_ONCE = 50

log = get_logger(__name__)


def destroy_expired(ctx: Context) -> int:
    """Queue the destruction of each stack past its ``expires_at``; return how many are going.

    A protected stack, or one that others use, stays until that has changed; it is looked at again
    at every tick.
    """
    going = (StackStatus.DELETING, StackStatus.DELETED)
    with ctx.read() as session:
        due = session.scalars(
            select(Stack.id)
            .where(
                Stack.expires_at <= utc_now(),
                Stack.deleted_at.is_(None),
                Stack.deletion_protection.is_(False),
                Stack.status.not_in(going),
            )
            .order_by(Stack.expires_at)
            .limit(AT_ONCE)
        ).all()
    return sum(_destroy(ctx, stack_id) for stack_id in due)


def _destroy(ctx: Context, stack_id: str) -> bool:
    try:
        with ctx.write() as session:
            delete_stack(session, SYSTEM_PRINCIPAL, stack_id)
    except ConflictError as error:
        log.info("expired_stack_kept", stack_id=stack_id, code=error.code)
        return False
    return True
