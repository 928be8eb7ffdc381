"""What the list of operations shows."""

from __future__ import annotations

from dataclasses import dataclass

from app.console.shell.rows import OperationRow
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.queries import OperationFilter, list_operations
from app.services.paging import PageRequest


@dataclass(frozen=True)
class OperationListPage:
    """One page of the list."""

    rows: list[OperationRow]
    next_cursor: str | None


def read_operation_list(
    ctx: Context,
    principal: Principal,
    wanted: OperationFilter,
    page: PageRequest,
    *,
    newest_first: bool = True,
) -> OperationListPage:
    """Read one page of the operations that the caller can see."""
    with ctx.read() as session:
        found = list_operations(session, principal, wanted, page, newest_first=newest_first)
        return OperationListPage([OperationRow.of(item) for item in found.items], found.next_cursor)
