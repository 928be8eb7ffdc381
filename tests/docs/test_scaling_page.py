"""The costs of many stacks in docs/scaling.md are those of one, multiplied."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
SECONDS = {"ms": 1e-3, "s": 1.0}
BYTES = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
CHECKED_EVERY = 15 * 60
DAY = 24 * 3600
COUNTS = (100, 1_000, 10_000, 100_000)


def cells(beginning: str) -> list[str]:
    (row,) = re.findall(rf"^\| {re.escape(beginning)}[^|]*\|(.+)\|$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in row.split("|")]


def amount(cell: str) -> float:
    number, _, unit = cell.partition(" ")
    return float(number) * {**SECONDS, **BYTES, "": 1.0}[unit]


@pytest.mark.parametrize(
    ("row", "unit", "divided_by"),
    [
        ("checks of sandbox stacks, cores", "scheduled check, nothing new, sandbox", CHECKED_EVERY),
        ("checks of AWS stacks, cores", "scheduled check, nothing new, AWS", CHECKED_EVERY),
        ("daily checks by Terraform, AWS, cores", "check by Terraform, once a day", DAY),
        ("rows and states", "rows and two states", 1),
        ("backup", "time to back it up", 1),
        ("restore, verified", "time to restore and verify it", 1),
    ],
)
def test_many_cost_as_often_as_they_are(row: str, unit: str, divided_by: int) -> None:
    one = amount(cells(unit)[0])
    told = [amount(cell) for cell in cells(row)]
    assert told == pytest.approx([one * count / divided_by for count in COUNTS], rel=0.02)
