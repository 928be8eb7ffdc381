"""The catalog: which kinds there are, what each takes and gives, and where it is offered."""

from __future__ import annotations

from flask import render_template

from app.console.catalog.read import read_catalog
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/catalogue")
def show_catalog() -> str:
    """List the kinds and the clouds."""
    page = read_catalog(current_context(), current_principal())
    return render_template("catalog/index.html", page=page)
