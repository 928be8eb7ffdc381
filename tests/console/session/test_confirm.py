"""The console asks for the password once more, and goes on with what was begun."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from flask import Flask
from pydantic import SecretStr
from sqlalchemy import select, update

from app.factory import create_app
from app.identity.provider import provider_for
from app.models import User, UserSecondFactor, UserSession
from app.services.context import Context
from app.services.identity.totp import code_at
from tests.console.conftest import PASSWORD, Visitor
from tests.console.fleet_examples import Fleet
from tests.identity_provider import CLIENT_ID, CLIENT_SECRET, FakeProvider, serving

VERA = {"/name": "vera", "/password": "a long enough one", "/is_admin": "on"}
HELD = re.compile(r'name="confirm_held" value="([^"]+)"')

# A thread of the provider may still hold a connection of the browser when the test ends.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def unconfirmed(visitor: Visitor, ctx: Context) -> Visitor:
    """The administrator, whose session is open but not confirmed."""
    with ctx.write() as session:
        session.execute(update(UserSession).values(confirmed_at=None))
    return visitor


def user(ctx: Context, name: str) -> User | None:
    with ctx.read() as session:
        return session.scalar(select(User).where(User.name == name))


def held(page: str) -> str:
    found = HELD.search(page)
    assert found, page
    return found[1]


def test_a_form_waits_for_the_password_and_is_not_typed_again(
    unconfirmed: Visitor, ctx: Context
) -> None:
    asked = unconfirmed.post("/settings/users/new", VERA)
    assert asked.status_code == 403
    assert "Confirm your identity" in asked.text
    assert VERA["/password"] not in asked.text, "what was typed is sealed"
    assert user(ctx, "vera") is None
    again = {"confirm_held": held(asked.text), "confirm_password": "wrong"}
    wrong = unconfirmed.post("/settings/users/new", again)
    assert wrong.status_code == 422
    assert "Is not your password." in wrong.text
    again = {"confirm_held": held(wrong.text), "confirm_password": PASSWORD}
    done = unconfirmed.post("/settings/users/new", again)
    assert done.status_code == 303, done.text
    made = user(ctx, "vera")
    assert made is not None
    assert made.is_admin
    unconfirmed.post("/settings/users/new", {**VERA, "/name": "nina"})
    assert user(ctx, "nina") is not None, "it counts for a while"


def test_a_held_form_is_good_for_its_session_and_page_only(
    unconfirmed: Visitor, outsider: Visitor, ctx: Context
) -> None:
    sealed = held(unconfirmed.post("/settings/users/new", VERA).text)
    answer = {"confirm_held": sealed, "confirm_password": PASSWORD}
    elsewhere = unconfirmed.post("/settings/projects/new", answer)
    assert elsewhere.status_code == 403
    assert "saved form has expired" in elsewhere.text
    outsider.sign_in()
    assert outsider.post("/settings/users/new", answer).status_code == 403
    for forged in ("", "x", sealed[:-8] + "AAAAAAAA"):
        refused = unconfirmed.post("/settings/users/new", {**answer, "confirm_held": forged})
        assert refused.status_code == 403
    assert user(ctx, "vera") is None


def test_a_held_form_needs_the_token_of_forms_too(unconfirmed: Visitor, ctx: Context) -> None:
    sealed = held(unconfirmed.post("/settings/users/new", VERA).text)
    answer = {"confirm_held": sealed, "confirm_password": PASSWORD}
    assert unconfirmed.client.post("/settings/users/new", data=answer).status_code == 403
    assert user(ctx, "vera") is None


def test_a_state_is_downloaded_after_the_password(unconfirmed: Visitor, fleet: Fleet) -> None:
    path = f"/stacks/{fleet.stack().stack_id}/state/1/download"
    asked = unconfirmed.get(path)
    if asked.status_code == 404:  # the version is looked for before anything is asked
        assert "Confirm your identity" not in asked.text
    page = unconfirmed.text(f"/settings/confirm?next={path}")
    assert f'value="{path}"' in page
    form = {"confirm_password": PASSWORD, "next": path}
    assert unconfirmed.post("/settings/confirm", form).location == path
    form["next"] = "//evil.example"
    assert unconfirmed.post("/settings/confirm", form).location == "/"


def test_a_page_asks_htmx_to_go_to_the_question(unconfirmed: Visitor) -> None:
    headers = {"HX-Request": "true", "Referer": "http://localhost/settings/users/new"}
    asked = unconfirmed.post("/settings/users/new", VERA, headers=headers)
    assert asked.status_code == 403
    assert asked.headers["HX-Redirect"] == "/settings/confirm?next=/settings/users/new"


def phone_code(page: str) -> str:
    """Return what an app shows that was told the key on the page."""
    found = re.search(r'id="factor-key">([A-Z2-7]+)<', page)
    assert found, page
    padding = "=" * (-len(found[1]) % 8)
    return code_at(base64.b32decode(found[1] + padding), time.time())


def test_a_second_factor_is_set_up_used_and_removed(
    visitor: Visitor, outsider: Visitor, ctx: Context
) -> None:
    assert visitor.post("/settings/second-factor").status_code == 303
    page = visitor.text("/settings/second-factor")
    assert 'src="data:image/svg+xml' in page
    wrong = visitor.post("/settings/second-factor/activate", {"/totp": "000000"})
    assert wrong.status_code == 422
    codes = visitor.post("/settings/second-factor/activate", {"/totp": phone_code(page)}).text
    recovery = re.findall(r"[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}-[a-z2-7]{4}", codes)
    assert len(recovery) == 10
    assert "factor-key" not in visitor.text("/settings/second-factor"), "shown until it counts"
    second_step = outsider.sign_in(next="/drift")
    assert second_step.status_code == 200
    assert "Authentication code" in second_step.text
    assert outsider.client.get_cookie("landform_session") is None
    fields = dict(
        re.findall(r'name="(form_token|challenge|next)" value="([^"]*)"', second_step.text)
    )
    refused = outsider.client.post("/sign-in/code", data={**fields, "totp": "000000"})
    assert refused.status_code == 401
    fields |= dict(re.findall(r'name="(form_token)" value="([^"]*)"', refused.text))
    let_in = outsider.client.post("/sign-in/code", data={**fields, "totp": recovery[0]})
    assert (let_in.status_code, let_in.location) == (303, "/drift")
    assert visitor.post("/settings/second-factor/remove").status_code == 303
    with ctx.read() as session:
        assert session.scalars(select(UserSecondFactor)).all() == []


def test_a_code_form_from_elsewhere_is_refused(outsider: Visitor) -> None:
    form = {"challenge": "x", "totp": "000000", "form_token": "guessed"}
    assert outsider.client.post("/sign-in/code", data=form).status_code == 403


# --- people without a password here -------------------------------------------------------------


@pytest.fixture
def provider_app(ctx: Context) -> Iterator[tuple[FakeProvider, Flask]]:
    with serving(FakeProvider()) as provider:
        wanted = {
            "public_url": "http://localhost",
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret": SecretStr(CLIENT_SECRET),
            "oidc_roles": "administrator=platform",
        }
        settings = ctx.settings.model_copy(update=wanted)
        own = replace(ctx, settings=settings, provider=provider_for(settings))
        yield provider, create_app(settings, own)


def _there_and_back(person: Visitor, path: str) -> tuple[dict[str, list[str]], str]:
    """Go to the provider; return what it was asked, and where it sends the browser."""
    away = person.get(path)
    assert away.status_code == 303, away.text
    back = httpx.get(away.location, trust_env=False).headers["Location"]
    return parse_qs(urlsplit(away.location).query), back.removeprefix("http://localhost")


def test_who_has_no_password_confirms_at_the_provider(
    provider_app: tuple[FakeProvider, Flask], ctx: Context
) -> None:
    provider, app = provider_app
    person = Visitor(app.test_client())
    asked, back = _there_and_back(person, "/sign-in/oidc")
    assert "prompt" not in asked
    assert person.get(back).status_code == 303
    page = person.post("/settings/users/new", VERA)
    assert page.status_code == 403
    assert 'type="password"' not in page.text
    provider.claims = {"auth_time": int(time.time())}
    asked, back = _there_and_back(person, "/settings/confirm/provider")
    assert (asked["prompt"], asked["max_age"]) == (["login"], ["0"])
    confirmed = person.get(back)
    assert confirmed.status_code == 200
    assert user(ctx, "vera") is None, "nothing is done before the person goes on"
    done = person.post("/settings/users/new", {"confirm_held": held(confirmed.text)})
    assert done.status_code == 303, done.text
    assert user(ctx, "vera") is not None


@pytest.mark.parametrize(
    ("claims", "subject"),
    [
        ({}, "subject-1"),
        ({"auth_time": "now"}, "subject-1"),
        ({"auth_time": int(time.time()) - 3600}, "subject-1"),
        ({"auth_time": int(time.time()) + 60}, "somebody-else"),
    ],
)
def test_an_old_sign_in_at_the_provider_or_somebody_elses_confirms_nothing(
    provider_app: tuple[FakeProvider, Flask],
    ctx: Context,
    claims: dict[str, object],
    subject: str,
) -> None:
    provider, app = provider_app
    person = Visitor(app.test_client())
    person.get(_there_and_back(person, "/sign-in/oidc")[1])
    person.post("/settings/users/new", VERA)
    provider.claims, provider.subject = claims, subject
    _, back = _there_and_back(person, "/settings/confirm/provider")
    assert person.get(back).status_code == 401
    assert person.post("/settings/users/new", VERA).status_code == 403
    assert user(ctx, "vera") is None


@pytest.mark.parametrize("seconds_off", [None, -3600, 3600])
def test_an_id_token_says_when_it_was_made_which_is_now(
    provider_app: tuple[FakeProvider, Flask], seconds_off: int | None
) -> None:
    provider, app = provider_app
    provider.claims = {"iat": None if seconds_off is None else int(time.time()) + seconds_off}
    person = Visitor(app.test_client())
    answer = person.get(_there_and_back(person, "/sign-in/oidc")[1])
    assert answer.status_code == 401
    assert person.client.get_cookie("landform_session") is None


# --- cookies in production ------------------------------------------------------------------------


def test_cookies_in_production_belong_to_this_host_alone(ctx: Context) -> None:
    settings = ctx.settings.model_copy(update={"env": "production", "cookie_secure": True})
    app = create_app(settings, replace(ctx, settings=settings))
    client = app.test_client()
    https = {"base_url": "https://localhost"}
    page = client.get("/sign-in", **https)
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert token
    form = {"form_token": token[1], "username": "admin", "password": PASSWORD}
    answer = client.post("/sign-in", data=form, **https)
    assert answer.status_code == 303, answer.text
    cookies = [*page.headers.getlist("Set-Cookie"), *answer.headers.getlist("Set-Cookie")]
    assert {text.split("=")[0] for text in cookies} == {
        "__Host-landform_sign_in",
        "__Host-landform_session",
        "__Host-landform_csrf",
    }
    for text in cookies:
        assert "Secure" in text
        assert "Path=/" in text.split("; ")
        assert "Domain" not in text
    assert client.get("/", **https).status_code == 200
