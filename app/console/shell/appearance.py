"""Light, dark, high contrast, or as the system says: in a cookie, so that it needs no script."""

from __future__ import annotations

from collections.abc import Collection

from flask import redirect, request
from werkzeug.wrappers import Response

from app.console.shell.guard import local_path
from app.console.shell.pages import pages
from app.errors import ValidationError

COOKIE = "landform_theme"
THEMES = {"system": "System", "light": "Light", "dark": "Dark", "contrast": "Contrast"}
YEAR_SECONDS = 365 * 86400


def current_theme() -> str:
    """Return the chosen theme of the present request."""
    theme = request.cookies.get(COOKIE, "system")
    return theme if theme in THEMES else "system"


@pages.post("/appearance")
def choose_theme() -> Response:
    """Remember the theme and show the same page again."""
    return remember_choice("theme", COOKIE, THEMES)


def remember_choice(field: str, cookie: str, choices: Collection[str]) -> Response:
    """Keep in a cookie what a form chose, and go back to its page.

    Raises:
        ValidationError: it is none of ``choices``.
    """
    choice = request.form.get(field, "")
    if choice not in choices:
        raise ValidationError.at(f"/{field}", f"Choose one of: {', '.join(choices)}.")
    response = redirect(local_path(request.form.get("next")), 303)
    response.set_cookie(
        cookie,
        choice,
        max_age=YEAR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response
