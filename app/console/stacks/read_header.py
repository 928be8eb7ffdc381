"""What every tab of a stack begins with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.console.shell.rows import OperationRow, StackRow
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.models import Stack, StackLock
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.queries import last_failed_of, unfinished_of
from app.services.queue.order import lock_of
from app.services.schedules.next_check import next_check
from app.services.stacks.fleet import TROUBLED


@dataclass(frozen=True)
class StackHeader:
    """What every tab shows. ``unfinished`` is in the order in which the operations run.

    ``cause`` is the operation that left a stack failed, or in need of a person.
    """

    stack: StackRow
    cause: OperationRow | None
    unfinished: list[OperationRow]
    drift_checked_at: datetime | None
    next_check_at: datetime | None
    lock: StackLock | None
    may_write: bool

    @property
    def is_deleted(self) -> bool:
        """Tell whether only the history is left."""
        return self.stack.status == StackStatus.DELETED


def stack_header(ctx: Context, session: Session, principal: Principal, stack: Stack) -> StackHeader:
    """Read what every tab begins with."""
    cause = last_failed_of(session, stack.id) if stack.status in TROUBLED else None
    unfinished = unfinished_of(session, stack.id)
    return StackHeader(
        stack=StackRow.of(stack, ctx.catalog, None, next(iter(unfinished), None)),
        cause=OperationRow.of(cause) if cause is not None else None,
        unfinished=[OperationRow.of(item) for item in unfinished],
        drift_checked_at=stack.drift_checked_at,
        next_check_at=next_check(stack),
        lock=lock_of(session, stack.id),
        may_write=principal.has(Right.STACK_WRITE, stack.project_id),
    )
