"""What destroying a stack would take away: its resources, and the stacks that use it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from app.console.shell.rows import StackRow
from app.console.stacks.read_header import StackHeader, stack_header
from app.domain.permissions import Right
from app.errors import LandformError
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.stacks.deletion import destruction_order
from app.services.state.contents import count_resources


@dataclass(frozen=True)
class Going:
    """A stack that would go; ``unknown`` says why its resources could not be counted."""

    stack: StackRow
    is_protected: bool
    resources: dict[str, int]
    unknown: str | None


@dataclass(frozen=True)
class DestructionPage:
    """What would go, in the order of destruction: the users of the stack first, it last."""

    header: StackHeader
    going: list[Going]

    @property
    def users(self) -> list[Going]:
        """The stacks that use it, directly or through others."""
        return self.going[:-1]

    @property
    def protected(self) -> list[StackRow]:
        """Those that are protected from deletion, which keeps all of them."""
        return [item.stack for item in self.going if item.is_protected]

    @property
    def resources(self) -> dict[str, int]:
        """How many resources of each type would go, the most first."""
        total: Counter[str] = Counter()
        for item in self.going:
            total.update(item.resources)
        return dict(total.most_common())

    @property
    def kinds(self) -> dict[str, int]:
        """How many stacks of each kind would go."""
        return dict(sorted(Counter(item.stack.kind_title for item in self.going).items()))

    @property
    def unknown(self) -> list[str]:
        """Why something could not be counted."""
        return [f"{item.stack.name}: {item.unknown}" for item in self.going if item.unknown]


def read_destruction(ctx: Context, principal: Principal, stack_id: str) -> DestructionPage:
    """Read what destroying a stack would take away.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        ConflictError: the stack is deleted already.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id, Right.STACK_WRITE)
        header = stack_header(ctx, session, principal, stack)
        order = [
            (StackRow.of(row, ctx.catalog), row.deletion_protection)
            for row in destruction_order(session, principal, stack_id)
        ]
    return DestructionPage(header, [_count(ctx, row, held) for row, held in order])


def _count(ctx: Context, row: StackRow, is_protected: bool) -> Going:
    try:
        return Going(row, is_protected, count_resources(ctx, row.id), None)
    except LandformError as error:
        return Going(row, is_protected, {}, error.detail)
