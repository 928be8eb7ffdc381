"""Sign in, stay signed in, sign out; and everything one could try against that."""

from __future__ import annotations

import pytest
from flask import Flask

from app.factory import create_app
from app.services.context import Context
from tests.console.conftest import PASSWORD, Visitor
from tests.console.fleet_examples import Fleet

SIGN_IN_FAILED = "The user name or the password is wrong."


def test_a_outsider_is_sent_to_sign_in_and_back_to_the_page(outsider: Visitor) -> None:
    response = outsider.get("/stacks?q=web")
    assert (response.status_code, response.location) == (303, "/sign-in?next=/stacks?q%3Dweb")
    assert outsider.sign_in(next="/stacks?q=web").location == "/stacks?q=web"
    assert outsider.get("/stacks?q=web").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/stacks", "/stacks/new", "/operations", "/drift", "/catalogue", "/stacks/x"]
)
def test_no_page_shows_itself_to_a_outsider(outsider: Visitor, path: str) -> None:
    assert outsider.get(path).status_code == 303


@pytest.mark.parametrize(
    "path", ["/stacks/new/network", "/operations/op_x/approve", "/stacks/x/destroy", "/appearance"]
)
def test_no_form_is_taken_from_a_outsider(outsider: Visitor, path: str) -> None:
    response = outsider.post(path, {"name": "web"})
    assert (response.status_code, response.location) == (303, "/sign-in")


@pytest.mark.parametrize(("name", "password"), [("admin", "wrong"), ("nobody", PASSWORD), ("", "")])
def test_a_refused_sign_in_does_not_say_what_was_wrong(
    outsider: Visitor, name: str, password: str
) -> None:
    response = outsider.sign_in(name, password)
    assert response.status_code == 401
    assert SIGN_IN_FAILED in response.text
    assert "password" not in response.headers.get("Set-Cookie", "")
    assert outsider.get("/").status_code == 303


def test_the_typed_name_is_kept_and_the_password_is_not(outsider: Visitor) -> None:
    page = outsider.sign_in("<b>admin</b>", "a wrong password").text
    assert 'value="&lt;b&gt;admin&lt;/b&gt;"' in page
    assert "a wrong password" not in page


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/ok\r\nSet-Cookie: a=b",
        "",
    ],
)
def test_sign_in_never_leads_to_another_site(outsider: Visitor, target: str) -> None:
    assert outsider.sign_in(next=target).location == "/"


def test_a_sign_in_form_from_elsewhere_is_refused(outsider: Visitor) -> None:
    outsider.get("/sign-in")
    form = {"username": "admin", "password": PASSWORD}
    for token in ({}, {"form_token": "guessed"}, {"form_token": ""}):
        assert outsider.client.post("/sign-in", data={**form, **token}).status_code == 403
    assert outsider.get("/").status_code == 303


def test_a_sign_in_without_the_cookie_of_its_form_is_refused(outsider: Visitor) -> None:
    form = {"username": "admin", "password": PASSWORD, "form_token": ""}
    response = outsider.client.post("/sign-in", data=form)
    assert response.status_code == 403
    assert "The form could not be trusted" in response.text


def test_too_many_attempts_are_stopped(ctx: Context) -> None:
    slow = ctx.settings.model_copy(update={"login_rate": "3/minute"})
    other = Context(**{**ctx.__dict__, "settings": slow})
    visitor = Visitor(create_app(slow, other).test_client())
    answers = [visitor.sign_in("admin", "wrong").status_code for _ in range(4)]
    assert answers == [401, 401, 401, 429]


def test_the_session_cookie_is_hidden_from_scripts_and_other_sites(outsider: Visitor) -> None:
    cookies = outsider.sign_in().headers.getlist("Set-Cookie")
    (session,) = [cookie for cookie in cookies if cookie.startswith("landform_session=")]
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session


def test_a_form_without_its_token_is_refused_and_changes_nothing(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack()
    path = f"/stacks/{made.stack_id}/operations"
    for token in ({}, {"csrf_token": "guessed"}):
        response = visitor.client.post(path, data={"type": "plan", **token})
        assert response.status_code == 403
        assert "The form could not be trusted" in response.text
    assert visitor.text(path).count("op_") == visitor.text(path).count(made.operation_id)


def test_signing_out_ends_the_session_also_for_a_copied_cookie(
    visitor: Visitor, console_app: Flask
) -> None:
    copied = visitor.client.get_cookie("landform_session")
    assert copied is not None
    assert visitor.post("/sign-out").location == "/sign-in"
    thief = console_app.test_client()
    thief.set_cookie("landform_session", copied.value)
    assert thief.get("/").status_code == 303


def test_signing_out_needs_the_token_too(visitor: Visitor) -> None:
    assert visitor.client.post("/sign-out").status_code == 403
    assert visitor.get("/").status_code == 200


def test_who_is_signed_in_does_not_see_the_form_again(visitor: Visitor) -> None:
    assert visitor.get("/sign-in?next=/drift").location == "/drift"


@pytest.mark.parametrize("value", ["", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."])
def test_a_forged_cookie_is_no_session(outsider: Visitor, value: str) -> None:
    outsider.client.set_cookie("landform_session", value)
    assert outsider.get("/").status_code == 303


def test_an_expired_session_turns_an_htmx_request_into_a_sign_in(outsider: Visitor) -> None:
    response = outsider.get("/", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/sign-in")


def test_the_theme_is_remembered_and_only_known_ones_are(visitor: Visitor) -> None:
    response = visitor.post("/appearance", {"theme": "dark", "next": "/drift"})
    assert response.location == "/drift"
    assert '<html lang="en" data-theme="dark">' in visitor.text("/")
    assert visitor.post("/appearance", {"theme": '"><script>'}).status_code == 422
    assert visitor.post("/appearance", {"theme": "light", "next": "//evil"}).location == "/"
