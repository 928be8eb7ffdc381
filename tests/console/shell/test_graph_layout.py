"""Drawings of graphs: no two boxes overlap, every edge is drawn, and no line crosses a box."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.console.shell.graph_layout import Box, Edge, Graph, lay_out, without_shortcuts

NAMES = [f"n{number}" for number in range(40)]
EDGES = st.lists(st.builds(Edge, st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=90)
FORWARD = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 39)).filter(lambda pair: pair[0] < pair[1]),
    max_size=90,
).map(lambda pairs: [Edge(NAMES[base], NAMES[user]) for base, user in pairs])

FEW = FORWARD.map(lambda edges: [edge for edge in edges if set(edge) <= set(NAMES[:9])])


@given(EDGES, st.integers(0, 40))
def test_every_node_has_a_box_of_its_own_inside_the_drawing(edges: list[Edge], count: int) -> None:
    graph = lay_out(NAMES[:count], edges)
    assert sorted(box.name for box in graph.boxes) == sorted(NAMES[:count])
    for number, box in enumerate(graph.boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= graph.width
        assert box.y + box.height <= graph.height
        assert not any(overlap(box, other) for other in graph.boxes[:number])


@given(EDGES)
def test_every_edge_is_a_line_between_its_two_boxes(edges: list[Edge]) -> None:
    graph = lay_out(NAMES, edges)
    box = {item.name: item for item in graph.boxes}
    assert {line.edge for line in graph.lines} == {edge for edge in edges if len(set(edge)) == 2}
    for line in graph.lines:
        base, user = box[line.edge.base], box[line.edge.user]
        ends = {(base.x, base.middle), (base.x + base.width, base.middle)}
        assert line.points[0] in ends
        ends = {(user.x, user.middle), (user.x + user.width, user.middle)}
        assert line.points[-1] in ends
        assert re.match("M{},{}[ch]".format(*line.points[0]), line.path)


@given(EDGES)
def test_no_line_crosses_a_box(edges: list[Edge]) -> None:
    graph = lay_out(NAMES, edges)
    for line in graph.lines:
        points = line.points
        for (x, y), (to_x, to_y) in zip(points[1::2], points[2::2], strict=False):
            assert y == to_y  # straight through a column
            low, high = sorted((x, to_x))
            for box in graph.boxes:
                is_beside = box.x + box.width <= low or high <= box.x
                assert is_beside or not box.y <= y <= box.y + box.height
        for (x, _), (to_x, _) in zip(points[::2], points[1::2], strict=False):
            low, high = sorted((x, to_x))  # curved between two columns, where no box is
            assert all(box.x + box.width <= low or high <= box.x for box in graph.boxes)


@given(FORWARD)
def test_what_others_stand_on_is_on_the_left(edges: list[Edge]) -> None:
    graph = lay_out(NAMES, edges)
    left = {box.name: box.x for box in graph.boxes}
    assert all(left[edge.base] < left[edge.user] for edge in edges)


@given(FEW)
def test_shortcuts_are_left_out_and_nothing_else(edges: list[Edge]) -> None:
    kept = without_shortcuts(edges)
    assert set(kept) <= set(edges)
    assert reach(kept) == reach(edges)
    for edge in kept:
        assert reach([other for other in kept if other != edge]) != reach(edges)


def test_edges_in_a_circle_stay() -> None:
    circle = [Edge("a", "b"), Edge("b", "c"), Edge("c", "a")]
    assert set(without_shortcuts(circle)) == set(circle)


@pytest.mark.parametrize("count", [1, 24, 25, 200])
def test_a_wide_layer_is_folded_and_stays_readable(count: int) -> None:
    names = ["base", *(f"user-{number}" for number in range(count))]
    started = time.monotonic()
    graph = lay_out(names, [Edge("base", name) for name in names[1:]])
    assert time.monotonic() - started < 2
    assert len(graph.lines) == count
    assert graph.height < 1500


def test_nothing_is_an_empty_drawing() -> None:
    graph = lay_out([], [Edge("a", "b")])
    assert graph == Graph((), (), graph.width, graph.height)


def overlap(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    above = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (beside or above)


def reach(edges: list[Edge]) -> set[Edge]:
    """Return every pair of which one can be reached from the other."""
    found = set(edges)
    while True:
        more = {Edge(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more
