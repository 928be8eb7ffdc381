"""Every component in every state on one page: to look at, and to hold a change of style against."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.console import design_examples as examples
from app.console.list_requests import Chip
from app.console.words import FAMILIES

TOKENS = ("page", "surface", "sunken", "line", "line-strong", "accent", "accent-soft")


def add_pages(pages: Blueprint) -> None:
    """Add the page to ``pages``."""
    pages.add_url_rule("/console/design", view_func=show_design)


def show_design() -> str:
    """Show the parts that pages are built from."""
    return render_template(
        "design/design.html",
        families=FAMILIES,
        tones=examples.TONES,
        tokens=(*TOKENS, *examples.TONES),
        attributes=examples.ATTRIBUTES,
        chart=examples.chart(),
        no_chart=examples.empty_chart(),
        picture=examples.picture(),
        steps=examples.steps(),
        timeline_entries=examples.timeline(),
        lines=examples.log(),
        form=examples.form(),
        chips=[Chip("kind", "network", "/console/design"), Chip("status", "ready", "/stacks")],
        moments=examples.moments(),
    )
