"""The first steps: shown until they are done or hidden, which a cookie remembers."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from app.console.overview.read_tour import Tour, read_tour
from app.console.shell.appearance import remember_choice
from app.console.shell.pages import pages
from app.services.stacks.fleet import FleetCounts
from app.web.context import current_context, current_principal

COOKIE = "landform_tour"
CHOICES = ("hidden", "shown")


def current_tour(fleet: FleetCounts) -> Tour | None:
    """Return the first steps, or nothing when they are hidden or all done."""
    if request.cookies.get(COOKIE) == "hidden":
        return None
    tour = read_tour(current_context(), current_principal(), fleet)
    return None if tour.is_done else tour


@pages.post("/tour")
def switch_tour() -> Response:
    """Hide the first steps, or show them again."""
    return remember_choice("tour", COOKIE, CHOICES)
