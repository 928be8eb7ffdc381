"""Every component in every state on one page: to look at, and to hold a change of style against."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, render_template

from app.clock import utc_now
from app.console.charts import ColumnChart, Series, stack_columns
from app.console.graph_layout import Edge
from app.console.list_requests import Chip
from app.console.read_models.graphs import Node, Picture, draw
from app.console.words import FAMILIES

SERIES = (Series("a", "Fine", "good"), Series("b", "Wrong", "bad"), Series("c", "Quiet", "quiet"))
TONES = ("good", "busy", "attention", "bad", "quiet")
TOKENS = ("page", "surface", "sunken", "line", "line-strong", "accent", "accent-soft", *TONES)
ATTRIBUTES: list[dict[str, Any]] = [
    {"path": "size", "before": "small", "after": "large"},
    {"path": "cidr", "before": "10.0.0.0/16", "after": "10.9.0.0/16", "forces_replacement": True},
    {"path": "password", "before": "********", "after": "********", "sensitive": True},
    {"path": "rules", "before": None, "after": [{"port": port, "open": True} for port in range(9)]},
]


def add_pages(pages: Blueprint) -> None:
    """Add the page to ``pages``."""
    pages.add_url_rule("/console/design", view_func=show_design)


def show_design() -> str:
    """Show the parts that pages are built from."""
    now = utc_now()
    return render_template(
        "design/design.html",
        families=FAMILIES,
        tones=TONES,
        tokens=TOKENS,
        attributes=ATTRIBUTES,
        chart=_chart(),
        picture=_picture(),
        chips=[Chip("kind", "network", "/console/design"), Chip("status", "ready", "/stacks")],
        moments=[now, now - timedelta(minutes=5), now + timedelta(hours=3)],
        began=now - timedelta(seconds=65),
    )


def _chart() -> ColumnChart:
    points: list[tuple[str, dict[str, int] | None]] = [
        (f"day {day}", {"a": day % 5, "b": day % 3, "c": day % 2}) for day in range(1, 15)
    ]
    return stack_columns([("day 0", None), *points], SERIES)


def _picture() -> Picture:
    names = [f"{tone}-{number}" for number in (1, 2) for tone in TONES]
    icons = dict(zip(TONES, ("check", "clock", "alert", "cross", "minus"), strict=True))
    nodes = [
        Node(name, f"box {name}", name.partition("-")[0], tone, icons[tone], "#graph", is_new=last)
        for name in names
        for tone in [name.partition("-")[0]]
        for last in [name == names[-1]]
    ]
    edges = [Edge(names[0], name) for name in names[1:5]]
    edges += [Edge(names[number], names[number + 5]) for number in range(5)]
    return draw(nodes, [*edges, Edge(names[1], names[9])])
