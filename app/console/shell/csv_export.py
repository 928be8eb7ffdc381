"""Lists as files of CSV, page after page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol

from flask import Response

from app.clock import rfc3339
from app.domain.csv_lines import csv_line
from app.services.paging import MAX_LIMIT, PageRequest

MAX_ROWS = 20_000


class ListPage(Protocol):
    """A page of a list, and the cursor of the next one."""

    @property
    def rows(self) -> Sequence[Any]:
        """What stands on the page."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins, or ``None`` on the last."""


def csv_of(
    name: str,
    columns: Sequence[str],
    read: Callable[[PageRequest], ListPage],
    cell: Callable[[Any, str], object] = getattr,
) -> Response:
    """Answer with a file ``name``.csv of all rows that ``read`` gives.

    Args:
        name: of the file.
        columns: in their order.
        read: reads a page of the list.
        cell: gives what a row has in a column; a time is written as RFC 3339.
    """
    rows = ([_written(cell(row, column)) for column in columns] for row in all_rows(read))
    lines = [csv_line(columns), *map(csv_line, rows)]
    response = Response(lines, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def all_rows(read: Callable[[PageRequest], ListPage]) -> Iterator[Any]:
    """Read page after page of a list, to the end or to ``MAX_ROWS``."""
    cursor, count = None, 0
    while count < MAX_ROWS:
        page = read(PageRequest(MAX_LIMIT, cursor))
        yield from page.rows
        count += len(page.rows)
        cursor = page.next_cursor
        if cursor is None:
            return


def _written(value: object) -> object:
    return rfc3339(value) if isinstance(value, datetime) else value
