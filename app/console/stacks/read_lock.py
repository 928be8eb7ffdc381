"""What the page of a stack's lock shows: who holds it, and who writes to the stack."""

from __future__ import annotations

from dataclasses import dataclass

from app.console.stacks.read_header import StackHeader, stack_header
from app.domain.permissions import Right
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.stacks.locks import LockState, read_lock, version_of


@dataclass(frozen=True)
class LockPage:
    """Who keeps a stack from being changed; ``version`` is that of the lock that is shown."""

    header: StackHeader
    state: LockState
    version: int
    is_own: bool
    may_force: bool


def read_lock_page(ctx: Context, principal: Principal, stack_id: str) -> LockPage:
    """Read who has locked a stack, and who writes to it.

    Raises:
        NotFoundError: no such stack, or the caller cannot see it.
    """
    found = read_lock(ctx, principal, stack_id)
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        return LockPage(
            header=stack_header(ctx, session, principal, stack),
            state=found,
            version=version_of(found.lock),
            is_own=found.lock is not None and found.lock.holder_id == principal.id,
            may_force=principal.has(Right.LOCK_FORCE, stack.project_id),
        )
