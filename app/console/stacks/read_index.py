"""What the list of stacks shows, and what it can be filtered by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.console.shell.rows import MOVING, StackRow
from app.domain.permissions import Right
from app.models import Project, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.queue_due import CHECKABLE
from app.services.operations.queries import first_unfinished, latest_by_stack
from app.services.paging import PageRequest
from app.services.stacks.queries import StackFilter, count_stacks, list_stacks

MAX_FACET = 100


@dataclass(frozen=True)
class StackListPage:
    """One page of the list; ``kinds`` is (name, title) of each kind.

    ``checkable`` are the ids of rows that the caller may have checked for drift.
    """

    rows: list[StackRow]
    next_cursor: str | None
    kinds: list[tuple[str, str]]
    facets: Mapping[str, list[tuple[str, str]]]
    may_create: bool
    checkable: frozenset[str]


def read_stack_list(
    ctx: Context,
    principal: Principal,
    wanted: StackFilter,
    page: PageRequest,
    *,
    newest_first: bool = True,
    sort: str | None = None,
) -> StackListPage:
    """Read one page of the stacks that the caller can see."""
    with ctx.read() as session:
        found = list_stacks(session, principal, wanted, page, newest_first=newest_first, sort=sort)
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
            facets=_facets(session, principal),
            may_create=principal.has_anywhere(Right.STACK_WRITE),
            checkable=frozenset(
                stack.id
                for stack in found.items
                if stack.status in CHECKABLE and principal.has(Right.STACK_WRITE, stack.project_id)
            ),
        )


def _facets(session: Session, principal: Principal) -> dict[str, list[tuple[str, str]]]:
    """Return by what the fleet can be narrowed: (value, value with its count), by name."""
    projects = dict(session.execute(select(Project.id, Project.name)).tuples().all())
    columns = {
        "project": Stack.project_id,
        "cloud": Stack.cloud,
        "region": Stack.region,
        "owner": Stack.created_by,
    }
    found = {}
    for name, column in columns.items():
        counts = count_stacks(session, principal, column)
        named = {projects.get(value, value): count for value, count in counts.items()}
        found[name] = [(value, f"{value} ({named[value]})") for value in sorted(named)][:MAX_FACET]
    return found
