"""Lists as CSV (RFC 4180), row by row, with no cell that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from flask import Response

from app.services.pages import MAX_LIMIT, PageRequest

MAX_ROWS = 20_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")
Row = TypeVar("Row")


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """Answer with a file ``name``.csv; a cell that looks like a formula begins with a quote."""
    lines = (_line(row) for row in (header, *rows))
    response = Response(lines, mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def all_rows(
    read: Callable[[PageRequest], tuple[Sequence[Row], str | None]],
) -> Iterator[Row]:
    """Read page after page of a list, to the end or to ``MAX_ROWS``."""
    cursor, count = None, 0
    while count < MAX_ROWS:
        rows, cursor = read(PageRequest(MAX_LIMIT, cursor))
        yield from rows
        count += len(rows)
        if cursor is None:
            return


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow([_harmless(cell) for cell in cells])
    return text.getvalue()


def _harmless(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(FORMULA) else text
