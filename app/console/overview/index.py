"""The first page: what is wrong, what runs, what waits for me."""

from __future__ import annotations

from flask import render_template, request

from app.console.overview.read import read_overview
from app.console.overview.tour import current_tour
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/")
def show_overview() -> str:
    """Show the overview; its renewal by htmx leaves the charts as they are."""
    is_renewal = "HX-Request" in request.headers
    page = read_overview(current_context(), current_principal(), with_charts=not is_renewal)
    tour = None if is_renewal else current_tour(page.fleet)
    return render_template("overview/index.html", page=page, tour=tour)
