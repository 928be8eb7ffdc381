"""Every component in every state on one page: to look at, and to hold a change of style against."""

from __future__ import annotations

from flask import render_template

from app.console.design import examples
from app.console.shell.labels.families import FAMILIES
from app.console.shell.list_requests import Chip
from app.console.shell.pages import pages

TOKENS = ("page", "surface", "sunken", "line", "line-strong", "accent", "accent-soft")


@pages.get("/console/design")
def show_design() -> str:
    """Show the parts that pages are built from."""
    return render_template(
        "design/index.html",
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
