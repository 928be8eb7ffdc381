"""The one way to write CSV (RFC 4180): no cell is a formula to a spreadsheet.

A spreadsheet runs a text that begins with ``=`` and some others, whoever wrote it (OWASP, CSV
injection). Such a text gets a quote in front, which spreadsheets show as text. Times, counts and
hashes that Landform writes itself pass unchanged: none begins like that.

Where a semicolon or a tab parts cells (Excel in most of Europe), a line is parted inside our cells,
whose quotes then mean nothing: what stands behind such a sign is a cell of its own.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # meant
QUOTE = "'"
INNER_CELL = re.compile(r"([;|\t\r\n])(?=[\s\"']*[=+\-@＝＋－＠])")  # noqa: RUF001  # meant


def csv_line(cells: Iterable[object]) -> str:
    """Return one line with its end; ``None`` is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([disarm(cell) for cell in cells])
    return text.getvalue()


def disarm(cell: object) -> str:
    """Return what a cell says as text that no spreadsheet runs."""
    if cell is None:
        return ""
    if isinstance(cell, int | float):
        return str(cell)  # a negative number is a number
    text = str(cell)
    is_formula = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return (QUOTE if is_formula else "") + INNER_CELL.sub(rf"\1{QUOTE}", text)
