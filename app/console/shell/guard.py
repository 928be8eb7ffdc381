"""Who may see a page: everybody who is signed in; others are sent to sign in first.

Owns the cookie session's check, the CSRF token of forms, and the rule for addresses to return to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, Flask, g, redirect, request, url_for
from flask_jwt_extended import get_jwt
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from app.domain.free_text import explain_hidden
from app.domain.names import is_storable
from app.domain.sign_in_errors import SecondFactorRequiredError
from app.errors import AuthenticationError, FieldProblem, NotFoundError, ValidationError
from app.web.authentication import authenticate
from app.web.http_errors import wants_json

HOME = "/"
# One slash, then none and no backslash: browsers read //host and /\host as another host.
LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")
READING = ("GET", "HEAD")
MANY_LINES = ("/labels", "/policies")
"""Fields in which each line is a text of its own."""


def protect(pages: Blueprint, ask_for_sign_in: Callable[[], Response | None]) -> None:
    """Let only signed-in people reach ``pages``.

    Args:
        pages: what is protected.
        ask_for_sign_in: answers a form that came without a session; ``None`` where it is lost.
    """

    def require_session() -> Response | None:
        return _require_session(ask_for_sign_in)

    pages.before_request(_refuse_unstorable)
    pages.before_request(require_session)
    pages.before_request(_refuse_hidden)


def recognise_visitors(app: Flask) -> None:
    """Know who asks also where no page matches, so that a 404 keeps its navigation."""
    app.before_request(_recognise_on_unknown_path)


def csrf_token() -> str:
    """Return the token that every form of this session carries, or nothing without a session."""
    if g.get("principal") is None:
        return ""
    return str(get_jwt().get("csrf", ""))


def local_path(text: str | None) -> str:
    """Return ``text`` if it is an address inside this console, else the overview's.

    Args:
        text: what a visitor's address says to return to; never trusted.
    """
    if text is None or not LOCAL_PATH.fullmatch(text):
        return HOME
    parts = urlsplit(text)
    return text if not parts.scheme and not parts.netloc else HOME


def _refuse_unstorable() -> None:
    """Refuse text that no database keeps, before a query stumbles over it."""
    if not is_storable(request.path):
        raise NotFoundError("There is no such page.")
    if not all(map(is_storable, [*request.args.values(), *request.form.values()])):
        raise ValidationError("The request holds characters that cannot be stored, such as NUL.")


def _refuse_hidden() -> None:
    """Refuse text that is not what it looks like, as the API does."""
    problems = tuple(
        FieldProblem(name, message)
        for name, text in request.form.items(multi=True)
        for line in _parts(name, text)
        if (message := explain_hidden(tuple(name.strip("/").split("/")), line))
    )
    if problems:
        first = problems[0]
        raise ValidationError(f"{first.pointer}: {first.message}", problems=problems)


def _parts(name: str, text: str) -> list[str]:
    """Return what is typed into one field, in some of them line by line."""
    return text.replace("\r\n", "\n").split("\n") if name in MANY_LINES else [text]


def _require_session(ask_for_sign_in: Callable[[], Response | None]) -> Response | None:
    try:
        authenticate("cookies")
    except AuthenticationError:
        if request.headers.get("Accept", "").startswith("text/event-stream"):
            return Response(status=204)  # tells an EventSource not to come back
        if request.method not in READING:
            return _refuse_form(ask_for_sign_in)
        return _to_sign_in(request.full_path.rstrip("?"))
    except SecondFactorRequiredError:
        return _go(url_for("console.show_second_factor"))
    return None


def _refuse_form(ask_for_sign_in: Callable[[], Response | None]) -> Response:
    """Answer a form without a session; a page that asks by itself keeps what is typed into it."""
    if request.headers.get("HX-Request"):
        return Response(status=401)
    return ask_for_sign_in() or _to_sign_in(page_before())


def _to_sign_in(wanted: str) -> Response:
    return _go(url_for("session.show_sign_in", next=None if wanted == HOME else wanted))


def _go(target: str) -> Response:
    if request.headers.get("HX-Request"):
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target, 303)


def page_before() -> str:
    """Return the page that held the form, so that a person finds the way back to it."""
    referrer = urlsplit(request.headers.get("Referer", ""))
    return local_path(referrer.path) if referrer.netloc == request.host else HOME


def _recognise_on_unknown_path() -> None:
    missing = isinstance(request.routing_exception, NotFound)
    if not missing or wants_json() or request.method not in READING:
        return
    try:
        authenticate("cookies")
    except (AuthenticationError, SecondFactorRequiredError):
        return
