"""Charts as shapes: which columns there are and how high each is. Pure; templates draw them.

Every measure is a share of 1000, so that a drawing stretches to any width; words and numbers are
HTML beside it and keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FULL = 1000
GAP = 0.2
"""Which part of its place a column leaves free."""


@dataclass(frozen=True)
class Series:
    """One kind of number in a chart; ``tone`` is that of its word."""

    name: str
    title: str
    tone: str


@dataclass(frozen=True)
class Segment:
    """The part of a column that one series fills."""

    series: Series
    count: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Column:
    """One place on the axis; ``counts`` is ``None`` where nothing is known."""

    label: str
    counts: Mapping[str, int] | None
    segments: tuple[Segment, ...]
    x: int
    width: int

    @property
    def hint(self) -> str:
        """Say the column in words."""
        if self.counts is None:
            return f"{self.label}: not known"
        said = [f"{item.count} {item.series.title.lower()}" for item in self.segments]
        return f"{self.label}: {', '.join(said) or 'none'}"


@dataclass(frozen=True)
class ColumnChart:
    """Columns of stacked counts over an axis from 0 to ``top``."""

    series: tuple[Series, ...]
    columns: tuple[Column, ...]
    top: int

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to draw."""
        return not any(column.segments for column in self.columns)

    @property
    def has_gaps(self) -> bool:
        """Tell whether nothing is known of some column."""
        return any(column.counts is None for column in self.columns)

    @property
    def ends(self) -> tuple[str, str, str]:
        """Return the labels of the first, the middle and the last column."""
        labels = [column.label for column in self.columns]
        return labels[0], labels[len(labels) // 2], labels[-1]


def stack_columns(
    points: Sequence[tuple[str, Mapping[str, int] | None]], series: Sequence[Series]
) -> ColumnChart:
    """Lay out one column for each of ``points``, the first series at the bottom.

    Args:
        points: label and counts by series name, at least one; ``None`` where nothing is known.
        series: what is drawn; other counts are not.
    """
    totals = [sum(counts.get(item.name, 0) for item in series) for _, counts in points if counts]
    top = round_up(max(totals, default=0))
    places = [round(FULL * number / len(points)) for number in range(len(points) + 1)]
    columns = []
    for number, (label, counts) in enumerate(points):
        x, width = places[number], places[number + 1] - places[number]
        inset = max(round(width * GAP / 2), 0)
        segments = _segments(counts or {}, series, top, x + inset, max(width - 2 * inset, 1))
        columns.append(Column(label, counts, segments, x, width))
    return ColumnChart(tuple(series), tuple(columns), top)


def round_up(number: int) -> int:
    """Return the next number that an axis can end with: even, and easy to halve."""
    if number <= 4:
        return 2 if number <= 2 else 4
    size: int = 10 ** int(math.log10(number))
    steps = [size, 2 * size, 4 * size, 6 * size, 8 * size, 10 * size]
    return next(step for step in steps if step >= number and step % 2 == 0)


def _segments(
    counts: Mapping[str, int], series: Sequence[Series], top: int, x: int, width: int
) -> tuple[Segment, ...]:
    segments, below = [], 0
    for item in series:
        count = counts.get(item.name, 0)
        if count > 0:
            upper, lower = (round(FULL * (below + part) / top) for part in (count, 0))
            segments.append(Segment(item, count, x, FULL - upper, width, upper - lower))
            below += count
    return tuple(segments)
