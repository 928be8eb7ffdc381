"""Webhooks, ignore rules, maintenance and change windows in the console."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import select

from app.models import ChangeControl, DriftRule, Webhook, WebhookDelivery
from app.services.context import Context
from app.services.drift.rules import NewRule, RuleScope, create_rule
from tests.console.conftest import PRINCIPAL, Visitor
from tests.console.fleet_examples import Fleet
from tests.console.test_pages import ATTACK

OTHER = "another fine long phrase"
URL = "https://hooks.example.com/landform?token=hunter2"
HOOK = {"/name": "chat", "/url": URL, "/format": "standard", "/events": "operation.ended"}


@pytest.fixture
def viewer(console_app: Flask, fleet: Fleet) -> Visitor:
    """Vera, who may look at the default project and nothing else."""
    fleet.member("vera", OTHER, "viewer")
    found = Visitor(console_app.test_client())
    assert found.sign_in("vera", OTHER).status_code == 303
    return found


@pytest.fixture
def hook(visitor: Visitor, ctx: Context) -> str:
    """The address of the page of a webhook."""
    assert visitor.post("/settings/webhooks/new", HOOK).status_code == 201
    with ctx.read() as session:
        return f"/settings/webhooks/{session.scalars(select(Webhook.id)).one()}"


@pytest.fixture
def rule(ctx: Context) -> str:
    """The address of the page of an ignore rule."""
    scope = RuleScope(kind="network", path=ATTACK)
    with ctx.write() as session:
        row = create_rule(session, PRINCIPAL, NewRule("default", ATTACK, scope, ATTACK[:64]))
        return f"/settings/drift-rules/{row.id}"


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
        ({"/name": " "}, "Give a name"),
        ({"/url": "http://127.0.0.1/"}, "URL:"),
        ({"/url": f"https://x.example.com/{ATTACK}"}, "plain ASCII"),
        ({"/events": ""}, "Choose at least one"),
        ({"/events": "world.ended"}, "Choose among those offered"),
        ({"/format": "yaml"}, "Choose one of those offered"),
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
    assert "drift.found" in visitor.text(hook)
    assert visitor.post(f"{hook}/switch", {"enabled": "no"}).status_code == 303
    page = visitor.text(hook)
    assert "Disabled by admin." in page
    assert f'action="{hook}/test"' not in page
    assert visitor.post(f"{hook}/test").status_code == 409
    visitor.post(f"{hook}/switch", {"enabled": "yes"})
    assert f'action="{hook}/test"' in visitor.text(hook)


def test_a_test_is_sent_and_sent_again(visitor: Visitor, hook: str, ctx: Context) -> None:
    assert "Nothing was sent yet" in visitor.text(hook)
    assert visitor.post(f"{hook}/test").status_code == 303
    (first,) = deliveries(ctx)
    with ctx.write() as session:
        row = session.get_one(WebhookDelivery, first.number)
        row.status, row.attempts, row.response_status = "dead", 3, 500
        row.error = row.response_excerpt = ATTACK
    page = visitor.text(hook)
    assert "Given up" in page
    assert "<script>alert" not in page
    assert visitor.post(f"{hook}/deliveries/{first.id}/resend").status_code == 303
    assert "sent again" in visitor.text(hook)
    assert len(deliveries(ctx)) == 2
    assert visitor.post(f"{hook}/deliveries/none/resend").status_code == 404


def test_a_new_secret_is_shown_once_and_the_old_one_still_signs(
    visitor: Visitor, hook: str
) -> None:
    made = visitor.post(f"{hook}/rotate")
    assert made.status_code == 201
    assert "whsec_" in made.text
    assert "whsec_" not in visitor.text(hook)
    assert "Two secrets sign until" in visitor.text(hook)


def test_deleting_a_webhook_wants_its_name(visitor: Visitor, hook: str) -> None:
    visitor.post(f"{hook}/test")
    assert "1 message waits to be sent" in visitor.text(f"{hook}/delete")
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


def test_ignore_rules_are_listed_changed_and_ended(
    visitor: Visitor, rule: str, ctx: Context
) -> None:
    page = visitor.text("/settings/drift-rules")
    assert "kind: network" in page
    assert "<script>alert" not in page
    assert "There is no such rule" in visitor.text("/settings/drift-rules?show=expired")
    form = {"/reason": "agreed with vera", "/owner": "vera", "/expires_at": "7", "version": "1"}
    assert visitor.post(rule, {**form, "/expires_at": "9999"}).status_code == 422
    assert visitor.post(rule, {**form, "/owner": " "}).status_code == 422
    assert visitor.post(rule, form).status_code == 303
    assert visitor.post(rule, form).status_code == 412
    page = visitor.text("/settings/drift-rules")
    assert "agreed with vera" in page
    assert "in 6 d" in page
    assert visitor.post(f"{rule}/end", {"version": "1"}).status_code == 412
    assert visitor.post(f"{rule}/end", {"version": "2"}).status_code == 303
    with ctx.read() as session:
        assert session.scalars(select(DriftRule)).all() == []


def test_a_viewer_reads_ignore_rules_and_changes_none(viewer: Visitor, rule: str) -> None:
    page = viewer.text("/settings/drift-rules")
    assert "kind: network" in page
    assert f"{rule}/end" not in page
    assert "needs the role Operator" in viewer.text(rule)
    form = {"/reason": "x", "/owner": "y"}
    assert viewer.post(rule, form).status_code == 403
    assert viewer.post(f"{rule}/end").status_code == 403


@pytest.mark.parametrize(
    "base", ["/settings/maintenance", "/settings/projects/default/maintenance"]
)
def test_maintenance_begins_and_ends(visitor: Visitor, base: str) -> None:
    assert "Open: changes are applied" in visitor.text(base)
    form = {"/maintenance/reason": ATTACK, "/maintenance/until": "2", "version": "0"}
    assert visitor.post(f"{base}/begin", {**form, "/maintenance/until": "99"}).status_code == 422
    assert visitor.post(f"{base}/begin", {**form, "/maintenance/reason": ""}).status_code == 422
    assert visitor.post(f"{base}/begin", form).status_code == 303
    assert visitor.post(f"{base}/begin", form).status_code == 412
    page = visitor.text(base)
    assert "Maintenance: nothing is applied" in page
    assert "<script>alert" not in page
    assert visitor.post(f"{base}/end", {"version": "1"}).status_code == 303
    assert "Open: changes are applied" in visitor.text(base)


def test_windows_are_added_and_removed_one_by_one(visitor: Visitor, ctx: Context) -> None:
    base = "/settings/maintenance"
    form = {"/effect": "deny", "/days": "mon", "/start": "22:00", "/end": "04:00"}
    for bad in (
        {"/effect": "explode"},
        {"/days": "someday"},
        {"/days": ""},
        {"/start": "25:00"},
        {"/end": ATTACK},
        {"/timezone": "Moon/Crater"},
    ):
        response = visitor.post(f"{base}/windows", {**form, **bad})
        assert response.status_code == 422, bad
        assert ATTACK not in response.text
        assert 'id="problems"' in response.text
    assert visitor.post(f"{base}/windows", form).status_code == 303
    second = {**form, "/effect": "allow", "/timezone": "Europe/Berlin"}
    assert visitor.post(f"{base}/windows", second).status_code == 303
    page = visitor.text(base)
    assert "04:00 next day" in page
    assert visitor.post(f"{base}/windows/0/remove", {"version": "1"}).status_code == 412
    assert visitor.post(f"{base}/windows/0/remove", {"version": "2"}).status_code == 303
    assert visitor.post(f"{base}/windows/7/remove").status_code == 404
    with ctx.read() as session:
        (left,) = session.scalars(select(ChangeControl)).one().windows
    assert left["timezone"] == "Europe/Berlin"


def test_a_viewer_reads_the_rules_and_changes_none(viewer: Visitor) -> None:
    for base in ("/settings/maintenance", "/settings/projects/default/maintenance"):
        page = viewer.text(base)
        assert "Changing this needs" in page
        assert 'name="/start"' not in page
        form = {"/maintenance/reason": "x", "/maintenance/until": "1"}
        assert viewer.post(f"{base}/begin", form).status_code == 403
        assert viewer.post(f"{base}/end").status_code == 403
        window = {"/effect": "deny", "/days": "mon", "/start": "22:00", "/end": "04:00"}
        assert viewer.post(f"{base}/windows", window).status_code == 403
