"""Every answer of every route carries the headers that keep browsers careful."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.factory import SECURITY_HEADERS, create_app
from app.services.context import Context
from tests.api.rest import Rest
from tests.console.conftest import Visitor

CAREFUL = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
DENIED = ("camera", "microphone", "geolocation", "payment", "usb")


def check(answer: TestResponse, path: str) -> None:
    for name, value in CAREFUL.items():
        assert answer.headers.get(name) == value, (path, name)
    for feature in DENIED:
        assert f"{feature}=()" in answer.headers["Permissions-Policy"], path
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy, path
    assert "unsafe" not in policy, path
    assert len(answer.headers.getlist("Content-Security-Policy")) == 1
    # The document of the API is the same for everybody.
    is_static = path.startswith("/static/") or path == "/api/v1/openapi.json"
    assert is_static or "no-store" in answer.headers["Cache-Control"], path


def paths(app: Flask) -> list[tuple[str, str]]:
    """Every route with each of its methods, about things that do not exist."""
    return [
        (method, re.sub(r"<int:\w+>", "1", re.sub(r"<(?:path:)?\w+>", "none_0", rule.rule)))
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods or ())
    ]


def test_every_route_answers_everybody_with_them(
    console_app: Flask, visitor: Visitor, outsider: Visitor
) -> None:
    rest = Rest(console_app)
    for method, path in paths(console_app):
        if path == "/sign-out":
            continue  # ends the session that all others need
        for who in (visitor, outsider):
            check(who.client.open(path, method=method, buffered=True), path)
        if path.startswith("/api/"):
            check(rest.call(method, path, json={}), path)


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/no/such/page", {}, 404),
        ("GET", "/api/v1/no/such/path", {}, 404),
        ("BREW", "/stacks", {}, 405),
        ("GET", "/static/css/base.css", {}, 200),
        ("GET", "/static/none.css", {}, 404),
        ("POST", "/api/v1/auth/login", {"data": b"x" * 2_000_000}, 413),
        ("POST", "/api/v1/auth/login", {"data": b"{", "content_type": "application/json"}, 400),
        ("POST", "/api/v1/auth/login", {"data": b"{}", "content_type": "text/plain"}, 415),
        ("POST", "/api/v1/auth/login", {"json": {"x": 1}}, 422),
    ],
)
def test_every_kind_of_error_has_them(
    visitor: Visitor, method: str, path: str, options: dict[str, Any], status: int
) -> None:
    answer = visitor.client.open(path, method=method, buffered=True, **options)
    assert answer.status_code == status
    check(answer, path)


def test_a_crash_has_them(console_app: Flask, visitor: Visitor) -> None:
    def crash(**_: object) -> None:
        raise RuntimeError("a bug")

    console_app.view_functions["console.list_stacks"] = crash
    answer = visitor.get("/stacks")
    assert answer.status_code == 500
    check(answer, "/stacks")


@pytest.fixture
def strict_app(ctx: Context) -> Flask:
    settings = ctx.settings.model_copy(update={"env": "production", "cookie_secure": True})
    return create_app(settings, ctx)


def test_a_browser_is_told_to_keep_to_https_where_cookies_do(
    strict_app: Flask, visitor: Visitor
) -> None:
    strict = strict_app.test_client()
    for path in ("/sign-in", "/api/v1/stacks", "/static/css/base.css", "/none"):
        told = strict.get(path, buffered=True).headers["Strict-Transport-Security"]
        assert re.fullmatch(r"max-age=\d{8,}", told)
        assert "Strict-Transport-Security" not in visitor.get(path).headers


def test_no_header_is_empty_or_broken() -> None:
    for value in SECURITY_HEADERS.values():
        assert re.fullmatch(r"[\x20-\x7e]+", value)
