"""The main pages of the console keep their budgets; the bench takes 10,000 stacks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.console_pages import MAX_BYTES, MAX_SECONDS, PageFigures, console_rows

SHORT = PageFigures([0.3, 0.3], [0.1, 0.1], 1000, MAX_BYTES)


def test_a_budget_is_of_weight_and_of_the_servers_own_time() -> None:
    assert SHORT.is_in_budget
    assert not PageFigures([0.1], [0.1], 1000, MAX_BYTES + 1).is_in_budget
    assert not PageFigures([0.1], [MAX_SECONDS * 2], 1000, 1000).is_in_budget


@pytest.mark.thorough
def test_every_main_page_is_measured_and_light(tmp_path: Path) -> None:
    rows = console_rows(tmp_path, 120, 2)
    assert len(rows) == 12
    assert [name for name, figure in rows.items() if "over budget" in figure] == []
