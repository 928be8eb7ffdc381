"""One kind of the catalog in full: parameters, outputs, where it is offered."""

from __future__ import annotations

from flask import render_template

from app.console.catalog.read import read_kind
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/catalogue/<kind>")
def show_kind(kind: str) -> str:
    """Show one kind in full."""
    page = read_kind(current_context(), current_principal(), kind)
    return render_template("catalog/kind.html", page=page)
