"""The catalogue: which kinds there are, what each takes and gives, and where it is offered."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.console.read_models.catalogue import read_catalogue, read_kind
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the catalogue to ``pages``."""
    pages.add_url_rule("/catalogue", view_func=show_catalogue)
    pages.add_url_rule("/catalogue/<kind>", view_func=show_kind)


def show_catalogue() -> str:
    """List the kinds and the clouds."""
    page = read_catalogue(current_context(), current_principal())
    return render_template("catalogue/catalogue.html", page=page)


def show_kind(kind: str) -> str:
    """Show one kind in full."""
    page = read_kind(current_context(), current_principal(), kind)
    return render_template("catalogue/kind.html", page=page)
