"""What the tab of operations shows: each with how long it took beside the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.clock import utc_now
from app.console.shell.charts import FULL
from app.console.shell.rows import OperationRow
from app.console.stacks.read_header import StackHeader, stack_header
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import stack_by_id
from app.services.operations.queries import OperationFilter, list_operations
from app.services.paging import PageRequest


@dataclass(frozen=True)
class TimelineEntry:
    """An operation, and how long it took: its share of the longest one beside it, 0 to 1000."""

    row: OperationRow
    share: int


@dataclass(frozen=True)
class StackOperationsPage:
    """The tab of operations."""

    header: StackHeader
    entries: list[TimelineEntry]
    next_cursor: str | None


def read_stack_operations(
    ctx: Context, principal: Principal, stack_id: str, page: PageRequest
) -> StackOperationsPage:
    """Read the tab of operations."""
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        found = list_operations(session, principal, OperationFilter(stack_id=stack_id), page)
        rows = [OperationRow.of(item) for item in found.items]
        header = stack_header(ctx, session, principal, stack)
        return StackOperationsPage(header, as_timeline(rows), found.next_cursor)


def as_timeline(rows: Sequence[OperationRow]) -> list[TimelineEntry]:
    """Compare how long operations took; one that runs is measured until now."""
    now = utc_now()
    seconds = [
        ((row.ended_at or now) - row.started_at).total_seconds() if row.started_at else 0.0
        for row in rows
    ]
    longest = max(seconds, default=0.0) or 1.0
    return [
        TimelineEntry(row, round(FULL * took / longest))
        for row, took in zip(rows, seconds, strict=True)
    ]
