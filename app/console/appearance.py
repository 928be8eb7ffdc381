"""Light, dark, high contrast, or as the system says: in a cookie, so that it needs no script."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from app.console.guard import local_path
from app.errors import ValidationError

COOKIE = "landform_theme"
THEMES = {"system": "System", "light": "Light", "dark": "Dark", "contrast": "Contrast"}
YEAR_SECONDS = 365 * 86400


def add_pages(pages: Blueprint) -> None:
    """Add the switch to ``pages``."""
    pages.add_url_rule("/appearance", view_func=choose_theme, methods=["POST"])


def current_theme() -> str:
    """Return the chosen theme of the present request."""
    theme = request.cookies.get(COOKIE, "system")
    return theme if theme in THEMES else "system"


def choose_theme() -> Response:
    """Remember the theme and show the same page again."""
    theme = request.form.get("theme", "")
    if theme not in THEMES:
        raise ValidationError.at("/theme", f"Choose one of: {', '.join(THEMES)}.")
    response = redirect(local_path(request.form.get("next")), 303)
    response.set_cookie(
        COOKIE,
        theme,
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
