"""Graphs for people: boxes with words, tone and a link, and the lines between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.console.shell.graph_layout import Box, Edge, Line, lay_out

MAX_NODES = 200
CALM = ("good", "quiet")


@dataclass(frozen=True)
class Node:
    """What a box says; ``tone`` and ``icon`` as in ``shell.labels``, never without a word."""

    name: str
    title: str
    detail: str
    tone: str
    icon: str
    href: str
    is_new: bool = False


@dataclass(frozen=True)
class Picture:
    """A graph that was laid out; ``left_out`` nodes were too many to draw.

    ``places`` gives each node a number: short, and no text of a user.
    """

    nodes: tuple[tuple[Node, Box], ...]
    lines: tuple[Line, ...]
    titles: Mapping[str, str]
    places: Mapping[str, int]
    width: int
    height: int
    left_out: int


def draw(nodes: Iterable[Node], edges: Iterable[Edge]) -> Picture:
    """Lay out ``nodes``, each name once, and the ``edges`` between them.

    Of too many nodes those are drawn that need a look, then those that have lines.
    """
    known, lines = {node.name: node for node in nodes}, list(edges)
    drawn = _choose(known, lines)
    graph = lay_out(drawn, lines)
    return Picture(
        nodes=tuple((known[box.name], box) for box in graph.boxes),
        lines=graph.lines,
        titles={name: known[name].title for name in drawn},
        places={name: number for number, name in enumerate(drawn)},
        width=graph.width,
        height=graph.height,
        left_out=len(known) - len(drawn),
    )


def _choose(known: Mapping[str, Node], edges: Iterable[Edge]) -> list[str]:
    joined = {name for edge in edges for name in edge}
    quiet_last = sorted(
        known, key=lambda name: (known[name].tone in CALM, known[name].is_new, name not in joined)
    )
    chosen = set(quiet_last[:MAX_NODES])
    return [name for name in known if name in chosen]
