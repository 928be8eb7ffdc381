"""The cookie of a console session: good for the idle time only, made anew while a person works.

So a copy of an old one is worth little, and a browser that was left alone is signed out. What a
page does by itself, to stay up to date, does not count as work.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from flask import Blueprint, Response, g, request
from flask_jwt_extended import get_jwt, set_access_cookies

from app.clock import utc_now
from app.errors import AuthenticationError
from app.services.identity.sessions import OpenedSession, keep_alive
from app.services.identity.sign_in import Visitor
from app.web.authentication import CONSOLE_AUDIENCE, SESSION_CLAIM, issue_access_token
from app.web.context import current_context

MAX_AGE = timedelta(minutes=5)
SHARE = 10
"""A cookie is made anew at this part of the idle time, or at ``MAX_AGE`` if that is sooner."""


def renew_on(pages: Blueprint) -> None:
    """Make the cookie anew on ``pages`` when it is time."""
    pages.after_request(_renew)


def present_visitor() -> Visitor:
    """Return from where the present request comes, for whoever opens a session."""
    return Visitor(request.remote_addr, request.user_agent.string, g.get("request_id"))


def set_session_cookie(response: Response, opened: OpenedSession, csrf: str | None = None) -> None:
    """Give the browser a cookie that is good for the idle time, or what is left of the session.

    Args:
        response: what is sent.
        opened: the session.
        csrf: the CSRF token that forms of this session carry already.
    """
    idle = timedelta(seconds=current_context().settings.session_idle_seconds)
    lifetime = min(idle, opened.expires_at - utc_now())
    token = issue_access_token(opened, lifetime, csrf, CONSOLE_AUDIENCE)
    set_access_cookies(response, token, max_age=int(lifetime.total_seconds()))


def _renew(response: Response) -> Response:
    if g.get("principal") is None or _is_by_itself():
        return response
    claims = get_jwt()
    idle = timedelta(seconds=current_context().settings.session_idle_seconds)
    age = timedelta(seconds=utc_now().timestamp() - claims["iat"])
    if age >= min(MAX_AGE, idle / SHARE):
        with suppress(AuthenticationError):  # this request has just ended it
            opened = keep_alive(current_context(), claims[SESSION_CLAIM])
            set_session_cookie(response, opened, claims["csrf"])
    return response


def _is_by_itself() -> bool:
    """Tell whether a page asks to stay up to date, with nobody at it perhaps."""
    is_stream = request.headers.get("Accept", "").startswith("text/event-stream")
    return is_stream or ("HX-Request" in request.headers and request.method == "GET")
