"""Every message that webhooks are sent has the shape that the document tells."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select

from app.api.resources.webhooks.messages import DATA
from app.clock import utc_now
from app.domain.webhooks import TEST_EVENT, EventType, WebhookFormat
from app.models import Operation, Project, Stack, WebhookEvent
from app.services.drift.digest import tell_digests
from app.services.webhooks import outbox
from app.services.webhooks.payloads import body_of
from tests.api.rest import Rest
from tests.api.walking import DOCUMENT
from tests.drifting import change, check


def test_the_document_tells_of_every_event() -> None:
    assert set(DATA) == {*map(str, EventType), TEST_EVENT}
    assert set(DOCUMENT["webhooks"]) == set(DATA)


@pytest.fixture
def bodies(rest: Rest) -> Iterator[dict[str, dict[str, Any]]]:
    """A message of every event, as it is sent, by event."""
    hook = {"name": "all", "url": "https://hooks.example.com/x", "events": list(EventType)}
    made = rest.post("/webhooks", hook).json
    tell_digests(rest.ctx)
    network = rest.made("networks", "web")
    rest.post(f"/webhooks/{made['id']}/test")
    with rest.ctx.read() as session:
        stack = session.get_one(Stack, network["id"])
    check(rest.ctx, stack, change(size=2))
    check(rest.ctx, stack, change(size=3))
    check(rest.ctx, stack)
    check(rest.ctx, stack, change(size=4))
    with rest.ctx.write() as session:
        session.scalars(select(Project)).one().drift_digest_day = utc_now().date() - timedelta(2)
    tell_digests(rest.ctx)
    with rest.ctx.write() as session:
        row = session.get_one(Stack, network["id"])
        operation = session.scalars(select(Operation).where(Operation.type == "apply")).one()
        operation.plan_summary = {"add": 1, "change": 0, "destroy": 0, "replace": 0}
        operation.error = {
            "code": "terraform_failed",
            "title": "Failed",
            "detail": "x",
            "advice": "",
        }
        outbox.operation_ended(session, operation)
        outbox.approval_wanted(session, operation)
        outbox.drift_unknown(session, row)
        outbox.auto_reconcile_off(session, operation, "It did not succeed.")
        outbox.needs_attention(session, row)
        outbox.expiring(session, row)
    with rest.ctx.read() as session:
        events = session.scalars(select(WebhookEvent).order_by(WebhookEvent.id)).all()
        yield {event.type: json.loads(body_of(event, WebhookFormat.STANDARD)) for event in events}


def test_every_message_is_as_the_document_says(bodies: dict[str, dict[str, Any]]) -> None:
    assert set(bodies) == set(DATA)
    for event, body in bodies.items():
        content = DOCUMENT["webhooks"][event]["post"]["requestBody"]["content"]["application/json"]
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        checker = jsonschema.Draft202012Validator(schema)
        for shown in (body, content["example"]):
            assert [error.message for error in checker.iter_errors(shown)] == [], event


def test_a_message_holds_nothing_that_the_document_does_not_tell(
    bodies: dict[str, dict[str, Any]],
) -> None:
    for event, body in bodies.items():
        shape = DATA[event]()
        for name, value in body["data"].items():
            nested = getattr(shape.fields[name], "schema", None)
            if nested is not None and value is not None:
                assert set(value) == set(nested.fields), f"{event} {name}"
