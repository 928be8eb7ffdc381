"""One's own API tokens: made, shown once, refused, revoked."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import ApiToken
from app.services.context import Context
from app.services.identity.api_tokens import caller_of
from tests.console.conftest import Visitor
from tests.console.test_pages import ATTACK


def test_a_token_is_made_shown_once_used_and_revoked(visitor: Visitor, ctx: Context) -> None:
    assert "No API tokens" in visitor.text("/settings/tokens")
    form = {"/name": ATTACK[:64], "/scopes": "stack:read", "/expires_at": "7"}
    sent = visitor.post("/settings/tokens/new", form)
    assert sent.status_code == 303
    made = visitor.get(sent.location)
    found = re.search(r'id="secret">(lft_\w+)<', made.text)
    assert found
    assert made.headers["Cache-Control"] == "no-store"
    assert caller_of(ctx, found[1], None).name == "admin"
    again = visitor.text(sent.location)  # as a reload of the page
    assert found[1] not in again
    assert "cannot be shown again" in again
    page = visitor.text("/settings/tokens")
    assert found[1] not in page
    assert "<script>alert" not in page
    with ctx.read() as session:
        token = session.scalars(select(ApiToken)).one()
    revoke = f"/settings/tokens/{token.id}/revoke"
    assert visitor.post(revoke, {"name": "x"}).status_code == 422
    assert visitor.post(revoke, {"name": token.name}).status_code == 303
    assert visitor.get(revoke).status_code == 404
    assert "No API tokens" in visitor.text("/settings/tokens")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"/name": " "}, "Enter a name of at most"),
        ({"/name": "x" * 65}, "Enter a name of at most"),
        ({"/scopes": ""}, "Choose at least one"),
        ({"/scopes": "stack:eat"}, "There is no scope"),
        ({"/expires_at": "9999"}, "Choose one of the listed periods"),
        ({"/project": "nowhere"}, "There is no project"),
        ({"/project": "default", "/scopes": "user:manage"}, "leave the project out"),
    ],
)
def test_a_token_that_cannot_be_is_refused_at_its_field(
    visitor: Visitor, ctx: Context, change: dict[str, str], said: str
) -> None:
    form = {"/name": "ci", "/scopes": "stack:read", "/expires_at": "7", **change}
    response = visitor.post("/settings/tokens/new", form)
    assert response.status_code == 422
    assert said in response.text
    with ctx.read() as session:
        assert session.scalars(select(ApiToken)).all() == []


def test_a_viewer_is_offered_no_scope_beyond_ones_own(viewer: Visitor) -> None:
    page = viewer.text("/settings/tokens/new")
    assert 'value="stack:read"' in page
    assert 'value="stack:write"' not in page
    form = {"/name": "ci", "/scopes": "stack:write", "/expires_at": "7"}
    response = viewer.post("/settings/tokens/new", form)
    assert response.status_code == 422
    assert "You do not have stack:write yourself." in response.text


def test_the_token_of_another_looks_like_none(visitor: Visitor, viewer: Visitor) -> None:
    form = {"/name": "ci", "/scopes": "stack:read", "/expires_at": "7"}
    visitor.post("/settings/tokens/new", form)
    found = re.search(r"/settings/tokens/(\w+)/revoke", visitor.text("/settings/tokens"))
    assert found
    assert viewer.get(f"/settings/tokens/{found[1]}/revoke").status_code == 404
    assert viewer.post(f"/settings/tokens/{found[1]}/revoke", {"name": "ci"}).status_code == 404
