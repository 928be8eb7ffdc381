"""A form that was sent after the session had ended is kept until its sender has signed in again."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import select

from app.models import Stack
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.stacks.test_new import NETWORK

OWN = {"Origin": "http://localhost", "Referer": "http://localhost/stacks/new/network"}
PATH = "/stacks/new/network"


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field; nothing where there is none."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return unescape(found[1]) if found else ""


def names_of(ctx: Context) -> list[str]:
    with ctx.read() as session:
        return list(session.scalars(select(Stack.name)))


def sent_late(visitor: Visitor, form: dict[str, str], **headers: str) -> str:
    """Send a form without a session; return the sealed form on the page that answers."""
    answer = visitor.post(PATH, form, headers={**OWN, **headers})
    return hidden(answer.text, "kept_form")


def test_a_form_is_sent_again_by_a_click_after_signing_in(outsider: Visitor, ctx: Context) -> None:
    answer = outsider.post(PATH, NETWORK, headers=OWN)
    assert answer.status_code == 401
    assert "the form that you sent is kept" in answer.text
    kept = hidden(answer.text, "kept_form")
    assert kept
    assert "payments" not in answer.text
    refused = outsider.sign_in(password="wrong", kept_form=kept)
    assert hidden(refused.text, "kept_form") == kept
    page = outsider.sign_in(kept_form=kept).text
    assert "Your form is kept" in page
    assert names_of(ctx) == []
    held = {"confirm_held": hidden(page, "confirm_held")}
    done = outsider.post(PATH, held)
    assert done.status_code == 303
    assert names_of(ctx) == ["web"]


def test_a_form_that_is_refused_comes_back_with_what_was_typed(outsider: Visitor) -> None:
    kept = sent_late(outsider, {**NETWORK, "/parameters/zones": "9"})
    page = outsider.sign_in(kept_form=kept).text
    refused = outsider.post(PATH, {"confirm_held": hidden(page, "confirm_held")})
    assert refused.status_code == 422
    assert 'value="web"' in refused.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": ""},
    ],
)
def test_a_form_of_another_site_is_not_kept(outsider: Visitor, headers: dict[str, str]) -> None:
    answer = outsider.post(PATH, NETWORK, headers={**OWN, **headers})
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/stacks/new/network")


def test_a_long_form_and_an_empty_one_are_not_kept(outsider: Visitor) -> None:
    assert sent_late(outsider, {"/name": "x" * 70_000}) == ""
    assert sent_late(outsider, {}) == ""


@pytest.mark.parametrize("kept", ["", "nonsense", "QUJD", "é", "x" * 300_000])
def test_what_is_no_kept_form_leads_to_the_page(outsider: Visitor, kept: str) -> None:
    answer = outsider.sign_in(kept_form=kept, next="/drift")
    assert (answer.status_code, answer.location) == (303, "/drift")


def test_a_kept_form_is_good_for_its_own_session_and_address(
    outsider: Visitor, visitor: Visitor, ctx: Context
) -> None:
    kept = sent_late(outsider, NETWORK)
    page = outsider.sign_in(kept_form=kept).text
    held = {"confirm_held": hidden(page, "confirm_held")}
    assert visitor.post(PATH, held).status_code == 403
    assert outsider.post("/stacks/new/bucket", held).status_code == 403
    assert outsider.client.post(PATH, data=held).status_code == 403  # without the CSRF token
    assert names_of(ctx) == []


def test_what_a_page_sends_by_itself_leaves_the_page_as_it_is(outsider: Visitor) -> None:
    answer = outsider.post(PATH, NETWORK, headers={**OWN, "HX-Request": "true"})
    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
