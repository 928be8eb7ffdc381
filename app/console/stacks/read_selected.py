"""What the page of an act on many stacks shows: for which of them it can be done, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.console.shell.rows import StackRow
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.queries import first_unfinished
from app.services.stacks.queries import stacks_by_ids

GOING = (StackStatus.DELETING, StackStatus.DELETED)


@dataclass(frozen=True)
class SelectedStack:
    """A stack that was selected; ``hindrance`` says why nothing can be done with it."""

    stack: StackRow
    hindrance: str | None


@dataclass(frozen=True)
class SelectedPage:
    """The stacks that were selected and that the caller can see."""

    rows: Sequence[SelectedStack]

    @property
    def possible(self) -> list[SelectedStack]:
        """Return those with which something can be done."""
        return [row for row in self.rows if row.hindrance is None]


def read_selected(ctx: Context, principal: Principal, stack_ids: Sequence[str]) -> SelectedPage:
    """Read the stacks of these ids; those that the caller cannot see are left out."""
    with ctx.read() as session:
        found = stacks_by_ids(session, principal, stack_ids)
        first = first_unfinished(session, [stack.id for stack in found])
        rows = [
            SelectedStack(
                StackRow.of(stack, ctx.catalog, None, first.get(stack.id)),
                _hindrance(principal, stack),
            )
            for stack in found
        ]
    return SelectedPage(rows)


def _hindrance(principal: Principal, stack: Stack) -> str | None:
    if not principal.has(Right.STACK_WRITE, stack.project_id):
        return "Your role in this project cannot change stacks."
    if stack.status in GOING:
        return "The stack is deleted or being deleted."
    return None
