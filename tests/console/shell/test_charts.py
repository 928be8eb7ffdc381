"""Charts as shapes: columns keep to their places, heights to their numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.console.shell.charts import FULL, Series, round_up, stack_columns

SERIES = (Series("a", "Some", "good"), Series("b", "Others", "bad"))
COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 10**6))
POINTS = st.lists(st.tuples(st.text(max_size=3), st.none() | COUNTS), min_size=1, max_size=60)


@given(POINTS)
def test_columns_stand_apart_inside_the_drawing(points: list[tuple[str, None]]) -> None:
    chart = stack_columns(points, SERIES)
    assert len(chart.columns) == len(points)
    end = 0
    for column in chart.columns:
        for item in column.segments:
            assert end <= item.x
            assert item.x + item.width <= column.x + column.width <= FULL
            assert 0 <= item.y <= item.y + item.height <= FULL
        end = column.x + column.width


@given(POINTS)
def test_segments_lie_on_each_other_and_show_their_share(points: list[tuple[str, None]]) -> None:
    chart = stack_columns(points, SERIES)
    for column, (_, counts) in zip(chart.columns, points, strict=True):
        floor, known = FULL, counts or {}
        assert {item.series.name for item in column.segments} == {
            name for name in "ab" if known.get(name)
        }
        for item in column.segments:
            assert item.y + item.height == floor
            assert item.height == pytest.approx(FULL * item.count / chart.top, abs=1)
            floor = item.y


@given(st.integers(0, 10**12))
def test_an_axis_ends_a_little_above_its_greatest_number(number: int) -> None:
    top = round_up(number)
    assert top % 2 == 0
    assert number <= top <= max(2, 2 * number)


def test_a_day_that_is_not_known_is_a_gap_and_says_so() -> None:
    chart = stack_columns([("Monday", None), ("Tuesday", {"a": 0})], SERIES)
    assert chart.is_empty
    assert chart.has_gaps
    assert [column.hint for column in chart.columns] == ["Monday: not known", "Tuesday: none"]
