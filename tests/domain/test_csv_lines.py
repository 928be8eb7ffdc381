"""No cell of any CSV is a formula; there is one place that writes them."""

from __future__ import annotations

import ast
import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.csv_lines import FORMULA_STARTS, csv_line, disarm

ROOT = Path(__file__).parents[2]
HOSTILE = [
    *(f"{start}cmd|' /C calc'!A0" for start in FORMULA_STARTS),
    *(" =1+1", "\u00a0=1+1", "\u3000@SUM(A1)", "\x0b=1", " \t -1"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_would_be_run_gets_a_quote(text: str) -> None:
    assert disarm(text).startswith("'")
    assert disarm(text).replace("'", "") == text.replace("'", "")


def test_what_is_harmless_stays() -> None:
    assert csv_line(["a", None, 3, -4, 1.5, "x=1", 'say "hi", you']) == (
        'a,,3,-4,1.5,x=1,"say ""hi"", you"\r\n'
    )


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"])), min_size=1))
def test_every_row_is_read_back_and_no_cell_of_it_is_run(cells: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(csv_line(cells), newline=""))
    assert [cell.replace("'", "") for cell in row] == [cell.replace("'", "") for cell in cells]
    assert not any(cell.lstrip().startswith(FORMULA_STARTS) for cell in row)


@pytest.mark.parametrize("separator", [";", "\t", "|", "\n", "\r\n"])
@pytest.mark.parametrize("formula", ["=1+1", " =1+1", '"=1+1', "@SUM(A1)", "\u00a0-1", "＋1"])  # noqa: RUF001
def test_nor_is_what_another_separator_makes_a_cell(separator: str, formula: str) -> None:
    line = csv_line(["web", f'{{"reason": "a{separator}{formula}{separator}b"}}'])
    for cell in line.removesuffix("\r\n").split(separator[-1]):
        assert not re.match(r"[\s\"]*[=+\-@＋]", cell), line  # noqa: RUF001


def test_a_separator_before_other_text_stays() -> None:
    assert disarm("a; b|c\td\n5") == "a; b|c\td\n5"


def test_nobody_else_writes_csv() -> None:
    found = []
    for path in (ROOT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if "csv" in names or (isinstance(node, ast.ImportFrom) and node.module == "csv"):
                found.append(path.relative_to(ROOT).as_posix())
    # A price sheet is only read.
    assert sorted(found) == ["app/domain/csv_lines.py", "app/domain/price_sheet.py"]
    assert "csv.writer" not in (ROOT / "app/domain/price_sheet.py").read_text(encoding="utf-8")
