"""Webhooks: made, changed, tested, sent again, deleted; secrets are shown once."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Webhook, WebhookDelivery
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.test_pages import ATTACK

URL = "https://hooks.example.com/landform?token=hunter2"
HOOK = {"/name": "chat", "/url": URL, "/format": "standard", "/events": "operation.ended"}


@pytest.fixture
def hook(visitor: Visitor, ctx: Context) -> str:
    """The address of the page of a webhook."""
    assert visitor.post("/settings/webhooks/new", HOOK).status_code == 201
    with ctx.read() as session:
        return f"/settings/webhooks/{session.scalars(select(Webhook.id)).one()}"


def deliveries(ctx: Context) -> list[WebhookDelivery]:
    with ctx.read() as session:
        return list(session.scalars(select(WebhookDelivery)).unique())


def test_a_webhook_is_made_and_its_secret_shown_once(visitor: Visitor, ctx: Context) -> None:
    made = visitor.post("/settings/webhooks/new", {**HOOK, "/name": ATTACK[:64]})
    assert made.status_code == 201
    found = re.search(r'id="secret">(whsec_[^<]+)<', made.text)
    assert found
    with ctx.read() as session:
        one = f"/settings/webhooks/{session.scalars(select(Webhook.id)).one()}"
    for page in (one, f"{one}/edit", f"{one}/delete", "/settings/webhooks"):
        text = visitor.text(page)
        assert found[1] not in text
        assert "<script>alert" not in text
    assert "hunter2" not in visitor.text("/settings/webhooks")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"/name": " "}, "Enter a name"),
        ({"/url": "http://127.0.0.1/"}, "URL:"),
        ({"/url": f"https://x.example.com/{ATTACK}"}, "plain ASCII"),
        ({"/events": ""}, "Choose at least one"),
        ({"/events": "world.ended"}, "Choose from the listed events"),
        ({"/format": "yaml"}, "Choose one of the listed options"),
        ({"/project": "nowhere"}, "There is no project"),
    ],
)
def test_a_webhook_that_cannot_be_is_refused_at_its_field(
    visitor: Visitor, ctx: Context, change: dict[str, str], said: str
) -> None:
    response = visitor.post("/settings/webhooks/new", {**HOOK, **change})
    assert response.status_code == 422
    assert said in response.text
    assert ATTACK not in response.text
    with ctx.read() as session:
        assert session.scalars(select(Webhook)).all() == []


def test_a_webhook_is_changed_disabled_and_enabled(visitor: Visitor, hook: str) -> None:
    change = {**HOOK, "/name": "pager", "/events": "drift.found", "version": "1"}
    assert visitor.post(f"{hook}/edit", change).status_code == 303
    assert visitor.post(f"{hook}/edit", change).status_code == 412
    assert "Drift detected" in visitor.text(hook)
    assert visitor.post(f"{hook}/switch", {"enabled": "no"}).status_code == 303
    page = visitor.text(hook)
    assert "Disabled by admin." in page
    assert f'action="{hook}/test"' not in page
    assert visitor.post(f"{hook}/test").status_code == 409
    visitor.post(f"{hook}/switch", {"enabled": "yes"})
    assert f'action="{hook}/test"' in visitor.text(hook)


def test_a_test_is_sent_and_sent_again(visitor: Visitor, hook: str, ctx: Context) -> None:
    assert "No deliveries yet" in visitor.text(hook)
    assert visitor.post(f"{hook}/test").status_code == 303
    (first,) = deliveries(ctx)
    with ctx.write() as session:
        row = session.get_one(WebhookDelivery, first.number)
        row.status, row.attempts, row.response_status = "dead", 3, 500
        row.error = row.response_excerpt = ATTACK
    page = visitor.text(hook)
    assert "Failed" in page
    assert "<script>alert" not in page
    assert visitor.post(f"{hook}/deliveries/{first.id}/resend").status_code == 303
    assert "redelivery" in visitor.text(hook)
    assert len(deliveries(ctx)) == 2
    assert visitor.post(f"{hook}/deliveries/none/resend").status_code == 404


def test_a_new_secret_is_shown_once_and_the_old_one_still_signs(
    visitor: Visitor, hook: str
) -> None:
    made = visitor.post(f"{hook}/rotate")
    assert made.status_code == 201
    assert "whsec_" in made.text
    assert "whsec_" not in visitor.text(hook)
    assert "Messages are signed with both the new and the old secret until" in visitor.text(hook)


def test_deleting_a_webhook_wants_its_name(visitor: Visitor, hook: str) -> None:
    visitor.post(f"{hook}/test")
    assert "1 pending message will not be sent" in visitor.text(f"{hook}/delete")
    assert visitor.post(f"{hook}/delete", {"name": "chatt"}).status_code == 422
    assert visitor.post(f"{hook}/delete", {"name": "chat", "version": "9"}).status_code == 412
    assert visitor.post(f"{hook}/delete", {"name": "chat"}).status_code == 303
    assert visitor.get(hook).status_code == 404


def test_a_viewer_has_no_webhooks(viewer: Visitor, hook: str) -> None:
    assert "/settings/webhooks" not in viewer.text("/settings")
    assert viewer.get("/settings/webhooks").status_code == 403
    assert viewer.get(hook).status_code == 404
    for act in ("edit", "switch", "rotate", "test", "delete"):
        assert viewer.post(f"{hook}/{act}", {**HOOK, "name": "chat"}).status_code == 404, act
