"""Cookies that only this host gets: their names, and how they are set and dropped.

Where cookies are secure their names begin with ``__Host-``, so that a browser takes them from this
very host over HTTPS only, and neither a neighbour domain nor plain HTTP can plant one
(RFC 6265bis §4.1.3.2).
"""

from __future__ import annotations

from typing import Literal

from flask import request
from werkzeug.wrappers import Response

from app.config.settings import Settings

SameSite = Literal["Strict", "Lax"]


def are_cookies_secure(settings: Settings) -> bool:
    """Tell whether cookies are sent over HTTPS only."""
    return settings.cookie_secure and settings.env == "production"


def cookie_name(settings: Settings, name: str) -> str:
    """Return what a cookie is called here."""
    return f"__Host-{name}" if are_cookies_secure(settings) else name


def read_cookie(settings: Settings, name: str) -> str:
    """Return what the browser has for a cookie, or nothing; never trusted."""
    return request.cookies.get(cookie_name(settings, name), "")


def set_cookie(
    response: Response,
    settings: Settings,
    name: str,
    value: str,
    *,
    max_age: int,
    samesite: SameSite,
) -> None:
    """Give the browser a cookie that no script reads."""
    response.set_cookie(
        cookie_name(settings, name),
        value,
        max_age=max_age,
        path="/",
        httponly=True,
        samesite=samesite,
        secure=are_cookies_secure(settings),
    )


def drop_cookie(response: Response, settings: Settings, name: str) -> None:
    """Have the browser forget a cookie."""
    set_cookie(response, settings, name, "", max_age=0, samesite="Strict")
