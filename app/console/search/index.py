"""The search page; the palette shows its result (``static/js/console.js``)."""

from __future__ import annotations

from flask import render_template

from app.console.search.read import read_search
from app.console.shell.list_requests import wanted_text
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/search")
def show_search() -> str:
    """Show what a text stands for; without one, where one can go."""
    text = wanted_text("q") or ""
    groups = read_search(current_context(), current_principal(), text)
    return render_template("search/index.html", text=text, groups=groups)
