"""The cookie of a session: how long it is good, when it is made anew, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask_jwt_extended import create_access_token

from app.clock import utc_now
from app.factory import create_app
from app.models import UserSession
from app.services.context import Context
from app.web.authentication import LEEWAY_SECONDS
from tests.console.conftest import PreparedHome, Visitor

IDLE = 8 * 3600
SESSION = "landform_session"


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


@pytest.fixture
def aged(console_app: Flask, ctx: Context, prepared_home: PreparedHome) -> Callable[[int], Visitor]:
    """Make a visitor whose cookie was made so many seconds ago."""

    def make(seconds: int) -> Visitor:
        old = claims(prepared_home.cookies[SESSION])
        made = int(utc_now().timestamp()) - seconds
        times = {"iat": made, "nbf": made, "exp": made + IDLE}
        kept = {name: old[name] for name in ("sid", "name", "csrf", "aud")}
        with console_app.app_context():
            token = create_access_token(
                old["sub"],
                additional_claims={**kept, **times},
                additional_headers={"kid": next(iter(ctx.settings.signing_keys))},
            )
        client = console_app.test_client()
        client.set_cookie(SESSION, token)
        client.set_cookie("landform_csrf", old["csrf"])
        return Visitor(client)

    return make


def renewed(answer: Any) -> list[str]:
    return [text for text in answer.headers.getlist("Set-Cookie") if text.startswith(f"{SESSION}=")]


def test_a_cookie_is_good_for_the_idle_time(outsider: Visitor) -> None:
    answer = outsider.sign_in()
    (cookie,) = renewed(answer)
    held = outsider.client.get_cookie(SESSION)
    assert held is not None
    found = claims(held.value)
    assert found["exp"] - found["iat"] in (IDLE - 1, IDLE)
    for part in ("HttpOnly", "SameSite=Lax", "Max-Age=2"):
        assert part in cookie


def test_a_session_that_nobody_used_for_too_long_is_over(aged: Callable[[int], Visitor]) -> None:
    late = aged(IDLE + LEEWAY_SECONDS + 1)
    assert late.get("/").location == "/sign-in"
    assert late.post("/appearance", {"theme": "dark"}).status_code == 303
    assert renewed(late.get("/")) == []


def test_a_cookie_in_use_is_made_anew_and_forms_elsewhere_stay_good(
    aged: Callable[[int], Visitor], ctx: Context
) -> None:
    person = aged(IDLE - 60)
    before = person.client.get_cookie(SESSION)
    answer = person.get("/stacks")
    assert len(renewed(answer)) == 1
    after = person.client.get_cookie(SESSION)
    assert before is not None
    assert after is not None
    old, new = claims(before.value), claims(after.value)
    assert (new["csrf"], new["sid"], new["sub"]) == (old["csrf"], old["sid"], old["sub"])
    assert new["jti"] != old["jti"]
    assert new["exp"] > old["exp"]
    form = {"theme": "dark", "csrf_token": old["csrf"]}
    assert person.client.post("/appearance", data=form).location == "/"
    with ctx.read() as session:
        row = session.get_one(UserSession, old["sid"])
        assert utc_now() - row.last_used_at < timedelta(minutes=2)


def test_a_young_cookie_is_left_as_it_is(aged: Callable[[int], Visitor]) -> None:
    assert renewed(aged(5).get("/")) == []


def test_what_a_page_asks_by_itself_keeps_nobody_signed_in(
    aged: Callable[[int], Visitor],
) -> None:
    person = aged(IDLE - 60)
    assert renewed(person.get("/", headers={"HX-Request": "true"})) == []
    stream = {"Accept": "text/event-stream"}
    assert renewed(person.get("/operations/op_none/stream", headers=stream)) == []
    assert len(renewed(person.get("/"))) == 1


def test_a_cookie_never_outlives_its_session(
    aged: Callable[[int], Visitor], ctx: Context, prepared_home: PreparedHome
) -> None:
    with ctx.write() as session:
        row = session.get_one(UserSession, claims(prepared_home.cookies[SESSION])["sid"])
        row.expires_at = utc_now() + timedelta(minutes=10)
    person = aged(3600)
    person.text("/")
    cookie = person.client.get_cookie(SESSION)
    assert cookie is not None
    assert claims(cookie.value)["exp"] - utc_now().timestamp() <= 600


def test_a_request_that_ends_its_session_brings_no_new_cookie(
    aged: Callable[[int], Visitor],
) -> None:
    person = aged(3600)
    answer = person.post("/settings/sessions/end")
    assert answer.location == "/sign-in"
    assert all(cookie.startswith(f"{SESSION}=;") for cookie in renewed(answer))
    assert person.get("/").location == "/sign-in"


def test_over_https_the_cookie_is_secure_in_production(ctx: Context) -> None:
    production = ctx.settings.model_copy(update={"env": "production", "cookie_secure": True})
    other = Context(**{**ctx.__dict__, "settings": production})
    person = Visitor(create_app(production, other).test_client())
    answer = person.sign_in()
    cookies = [text for text in answer.headers.getlist("Set-Cookie") if "landform_s" in text]
    assert answer.status_code == 303
    assert all("Secure" in text for text in renewed(answer)), cookies
