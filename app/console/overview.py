"""The first page: what is wrong, what runs, what waits for me."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from app.console.read_models.overview import read_overview
from app.console.tour import current_tour
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the overview to ``pages``."""
    pages.add_url_rule("/", view_func=show_overview)


def show_overview() -> str:
    """Show the overview; its renewal by htmx leaves the charts as they are."""
    is_renewal = "HX-Request" in request.headers
    page = read_overview(current_context(), current_principal(), with_charts=not is_renewal)
    tour = None if is_renewal else current_tour(page.fleet)
    return render_template("overview/overview.html", page=page, tour=tour)
