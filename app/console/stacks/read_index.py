"""What the list of stacks shows, and what it can be filtered by."""

from __future__ import annotations

from dataclasses import dataclass

from app.console.shell.rows import MOVING, StackRow
from app.domain.permissions import Right
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.queue_due import CHECKABLE
from app.services.operations.queries import first_unfinished, latest_by_stack
from app.services.paging import PageRequest
from app.services.stacks.queries import StackFilter, list_stacks


@dataclass(frozen=True)
class StackListPage:
    """One page of the list; ``kinds`` is (name, title) of each kind.

    ``checkable`` are the ids of rows that the caller may have checked for drift.
    """

    rows: list[StackRow]
    next_cursor: str | None
    kinds: list[tuple[str, str]]
    may_create: bool
    checkable: frozenset[str]


def read_stack_list(
    ctx: Context,
    principal: Principal,
    wanted: StackFilter,
    page: PageRequest,
    *,
    newest_first: bool = True,
) -> StackListPage:
    """Read one page of the stacks that the caller can see."""
    with ctx.read() as session:
        found = list_stacks(session, principal, wanted, page, newest_first=newest_first)
        latest = latest_by_stack(session, [stack.id for stack in found.items])
        moving = [stack.id for stack in found.items if stack.status in MOVING]
        first = first_unfinished(session, moving)
        return StackListPage(
            rows=[
                StackRow.of(stack, ctx.catalog, latest.get(stack.id), first.get(stack.id))
                for stack in found.items
            ],
            next_cursor=found.next_cursor,
            kinds=[(kind.kind, kind.title) for kind in ctx.catalog.kinds.values()],
            may_create=principal.has_anywhere(Right.STACK_WRITE),
            checkable=frozenset(
                stack.id
                for stack in found.items
                if stack.status in CHECKABLE and principal.has(Right.STACK_WRITE, stack.project_id)
            ),
        )
