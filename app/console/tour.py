"""The first steps: shown until they are done or put away, which a cookie remembers."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from app.console.appearance import YEAR_SECONDS
from app.console.guard import local_path
from app.console.read_models.tour import Tour, read_tour
from app.errors import ValidationError
from app.services.fleet import FleetCounts
from app.web_context import current_context, current_principal

COOKIE = "landform_tour"
CHOICES = ("hidden", "shown")


def add_pages(pages: Blueprint) -> None:
    """Add the switch to ``pages``."""
    pages.add_url_rule("/tour", view_func=switch_tour, methods=["POST"])


def current_tour(fleet: FleetCounts) -> Tour | None:
    """Return the first steps, or nothing when they are put away or all done."""
    if request.cookies.get(COOKIE) == "hidden":
        return None
    tour = read_tour(current_context(), current_principal(), fleet)
    return None if tour.is_done else tour


def switch_tour() -> Response:
    """Put the first steps away, or show them again."""
    choice = request.form.get("tour", "")
    if choice not in CHOICES:
        raise ValidationError.at("/tour", f"Choose one of: {', '.join(CHOICES)}.")
    response = redirect(local_path(request.form.get("next")), 303)
    response.set_cookie(
        COOKIE,
        choice,
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
