"""Layered drawings of what depends on what: where each box and each line goes. Pure.

What others stand on is on the left. A line that passes a column goes through a lane of its own
between the boxes, shared by all lines of one box, so no line crosses a box. The method is the one
of Sugiyama, Tagawa and Toda (1981): layers, order by barycentre, places.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

BOX_WIDTH, BOX_HEIGHT = 208, 44
LANE_HEIGHT = 6
ROW_GAP, COLUMN_GAP = 12, 56
MARGIN = 8
MAX_ROWS = 24
"""A layer with more boxes is folded into several columns."""
SWEEPS = 4


class Edge(NamedTuple):
    """``user`` depends on ``base``."""

    base: str
    user: str


class Slot(NamedTuple):
    """What takes a place in a column: a box, or a lane for the lines that leave ``name``."""

    name: str
    is_lane: bool = False


@dataclass(frozen=True)
class Box:
    """Where a node stands, in pixels."""

    name: str
    x: int
    y: int
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT

    @property
    def middle(self) -> int:
        """Return the height at which lines meet it."""
        return self.y + self.height // 2


@dataclass(frozen=True)
class Line:
    """An edge as points from the right side of its base to the left side of its user."""

    edge: Edge
    points: tuple[tuple[int, int], ...]

    @property
    def path(self) -> str:
        """Write the line as an SVG path: curves between columns, straight through them."""
        (x, y), *others = self.points
        parts = [f"M{x},{y}"]
        for to_x, to_y in others:
            wide, high = to_x - x, to_y - y
            # Relative, because a page has hundreds of these.
            parts.append(f"c{wide // 2},0 {wide // 2},{high} {wide},{high}" if high else f"h{wide}")
            x, y = to_x, to_y
        return "".join(parts)


@dataclass(frozen=True)
class Graph:
    """A drawing and its size in pixels."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int


def lay_out(names: Sequence[str], edges: Iterable[Edge]) -> Graph:
    """Lay out a graph; each edge between two different ``names`` becomes a line.

    Args:
        names: the nodes, each once; neighbours here stay neighbours where nothing else decides.
        edges: in any order; those to unknown nodes or to itself are left out, circles may occur.
    """
    known = set(names)
    wanted = sorted({edge for edge in edges if edge.base != edge.user and set(edge) <= known})
    forward = _without_circles(names, wanted)
    columns = _columns(names, forward)
    place = {name: number for number, column in enumerate(columns) for name in column}
    slots = _add_lanes(columns, place, forward)
    _order(slots, place, forward)
    boxes, lanes = _place(slots)
    kept = set(forward)
    lines = []
    for edge in wanted:
        ahead = edge if edge in kept else Edge(edge.user, edge.base)
        points = _route(ahead, place, boxes, lanes)
        lines.append(Line(edge, points if edge in kept else points[::-1]))
    width = len(slots) * (BOX_WIDTH + COLUMN_GAP) - COLUMN_GAP if slots else 0
    height = max((box.y + box.height for box in boxes.values()), default=0)
    height = max([height, *(y for _, y in lanes.values())], default=0)
    ordered = tuple(boxes[slot.name] for column in slots for slot in column if not slot.is_lane)
    return Graph(ordered, tuple(lines), width + 2 * MARGIN, height + MARGIN)


def without_shortcuts(edges: Iterable[Edge]) -> list[Edge]:
    """Leave out edges that follow from others: a user of a user needs no line of its own.

    Terraform records also what a resource needs indirectly. Edges in circles are kept.
    """
    bases: dict[str, set[str]] = {}
    for base, user in edges:
        bases.setdefault(user, set()).add(base)
    reach: dict[str, set[str]] = {}

    def reached(name: str, path: frozenset[str]) -> set[str]:
        if name in path:
            return set()
        if name not in reach:
            found: set[str] = set()
            for base in bases.get(name, ()):
                found |= {base} | reached(base, path | {name})
            reach[name] = found
        return reach[name]

    return [
        Edge(base, user)
        for user, found in sorted(bases.items())
        for base in sorted(found)
        if not any(
            base in reached(other, frozenset()) and other not in reached(base, frozenset())
            for other in found
            if other != base
        )
    ]


def _without_circles(names: Sequence[str], edges: Collection[Edge]) -> list[Edge]:
    """Turn round the edges that would close a circle, so that all lead to the right."""
    users: dict[str, list[str]] = {name: [] for name in names}
    for base, user in edges:
        users[base].append(user)
    done: set[str] = set()
    turned: set[Edge] = set()
    for start in names:
        open_, trail = {start}, [(start, iter(users[start]))]
        if start in done:
            continue
        while trail:
            name, rest = trail[-1]
            user = next(rest, "")
            if not user:
                trail.pop()
                open_.discard(name)
                done.add(name)
            elif user in open_:
                turned.add(Edge(name, user))
            elif user not in done:
                open_.add(user)
                trail.append((user, iter(users[user])))
    return sorted({Edge(e.user, e.base) if e in turned else e for e in edges})


def _columns(names: Sequence[str], edges: Collection[Edge]) -> list[list[str]]:
    """Put each node right of all it depends on; nodes without any edge come first."""
    bases: dict[str, list[str]] = {name: [] for name in names}
    for base, user in edges:
        bases[user].append(base)
    layer: dict[str, int] = {}
    waiting = list(reversed(names))
    while waiting:
        name = waiting[-1]
        missing = [base for base in bases[name] if base not in layer]
        if missing:
            waiting += missing
            continue
        waiting.pop()
        layer[name] = 1 + max((layer[base] for base in bases[name]), default=-1)
    joined = {name for edge in edges for name in edge}
    columns = []
    for number in range(max(layer.values(), default=-1) + 1):
        of_layer = [name for name in names if layer[name] == number]
        of_layer.sort(key=lambda name: name in joined)
        columns += [of_layer[at : at + MAX_ROWS] for at in range(0, len(of_layer), MAX_ROWS)]
    return columns


def _add_lanes(
    columns: Sequence[Sequence[str]], place: Mapping[str, int], edges: Iterable[Edge]
) -> list[list[Slot]]:
    slots = [[Slot(name) for name in column] for column in columns]
    lanes = {
        (number, edge.base)
        for edge in edges
        for number in range(place[edge.base] + 1, place[edge.user])
    }
    for number, base in sorted(lanes):
        slots[number].append(Slot(base, is_lane=True))
    return slots


def _order(slots: list[list[Slot]], place: Mapping[str, int], edges: Iterable[Edge]) -> None:
    """Move what belongs together to the same height, from left to right and back."""
    before: dict[tuple[int, Slot], set[Slot]] = {}
    after: dict[tuple[int, Slot], set[Slot]] = {}
    for edge in edges:
        first, last = place[edge.base], place[edge.user]
        way = [Slot(edge.base)]
        way += [Slot(edge.base, is_lane=True)] * (last - first - 1) + [Slot(edge.user)]
        for number, (left, right) in enumerate(itertools.pairwise(way), start=first):
            after.setdefault((number, left), set()).add(right)
            before.setdefault((number + 1, right), set()).add(left)
    for sweep in range(SWEEPS):
        is_forth = sweep % 2 == 0
        numbers = range(len(slots)) if is_forth else reversed(range(len(slots)))
        for number in numbers:
            other = number - 1 if is_forth else number + 1
            if not 0 <= other < len(slots):
                continue
            height = {slot: at / len(slots[other]) for at, slot in enumerate(slots[other])}
            near = before if is_forth else after
            _sort_column(slots[number], number, height, near)


def _sort_column(
    column: list[Slot],
    number: int,
    height: Mapping[Slot, float],
    near: Mapping[tuple[int, Slot], set[Slot]],
) -> None:
    size = len(column)
    wanted = {}
    for at, slot in enumerate(column):
        heights = [height[item] for item in near.get((number, slot), ())]
        wanted[slot] = sum(heights) / len(heights) if heights else at / size
    column.sort(key=lambda slot: wanted[slot])


def _place(
    slots: Sequence[Sequence[Slot]],
) -> tuple[dict[str, Box], dict[tuple[int, str], tuple[int, int]]]:
    """Return the boxes, and the left end of each lane by column and name."""
    heights = [sum(_height(slot) + ROW_GAP for slot in column) - ROW_GAP for column in slots]
    tallest = max(heights, default=0)
    boxes: dict[str, Box] = {}
    lanes: dict[tuple[int, str], tuple[int, int]] = {}
    for number, column in enumerate(slots):
        x = MARGIN + number * (BOX_WIDTH + COLUMN_GAP)
        y = MARGIN + (tallest - heights[number]) // 2
        for slot in column:
            if slot.is_lane:
                lanes[number, slot.name] = (x, y + LANE_HEIGHT // 2)
            else:
                boxes[slot.name] = Box(slot.name, x, y)
            y += _height(slot) + ROW_GAP
    return boxes, lanes


def _height(slot: Slot) -> int:
    return LANE_HEIGHT if slot.is_lane else BOX_HEIGHT


def _route(
    edge: Edge,
    place: Mapping[str, int],
    boxes: Mapping[str, Box],
    lanes: Mapping[tuple[int, str], tuple[int, int]],
) -> tuple[tuple[int, int], ...]:
    base, user = boxes[edge.base], boxes[edge.user]
    points = [(base.x + base.width, base.middle)]
    for number in range(place[edge.base] + 1, place[edge.user]):
        x, y = lanes[number, edge.base]
        points += [(x, y), (x + BOX_WIDTH, y)]
    return (*points, (user.x, user.middle))
