"""Webhooks over the API: who may manage which, what is refused, what is shown only once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.notify.webhook_client import WebhookClient
from app.services.webhooks import sender
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, pointers, problem
from tests.receiver import Receiver, receiving

URL = "https://hooks.example.com/landform"
NEW = {"name": "hook", "url": URL, "events": ["operation.ended"]}


@pytest.fixture
def rest(make_app: MakeApp) -> Rest:
    """The administrator of a Landform that may send to loopback."""
    return Rest(make_app(webhook_allowed_networks="127.0.0.1/32"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def add(rest: Rest, **more: Any) -> dict[str, Any]:
    answer = rest.post("/webhooks", {**NEW, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def send(rest: Rest) -> None:
    client = WebhookClient(rest.ctx.settings.webhook_networks, answer_seconds=2)
    for due in sender.due_webhooks(rest.ctx):
        sender.serve_webhook(rest.ctx, client, due.id)


def test_a_new_webhook_shows_its_secret_once(rest: Rest) -> None:
    answer = rest.post("/webhooks", {**NEW, "project": "default"})
    made = answer.json
    assert answer.status_code == 201
    assert answer.headers["Location"] == made["links"]["self"]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made["secret"])
    assert (made["url"], made["events"], made["format"]) == (URL, ["operation.ended"], "standard")
    assert (made["project"]["name"], made["enabled"]) == ("default", True)
    shown = rest.get(made["links"]["self"])
    assert shown.headers["ETag"] == answer.headers["ETag"]
    assert shown.json == {name: value for name, value in made.items() if name != "secret"}
    assert made["secret"] not in rest.get("/webhooks").text


def test_the_same_request_again_makes_no_second_webhook_and_shows_no_secret(rest: Rest) -> None:
    first, again = (rest.post("/webhooks", NEW, Idempotency_Key="k") for _ in range(2))
    rest_of_it = {name: value for name, value in first.json.items() if name != "secret"}
    assert again.json == {**rest_of_it, "omitted": ["secret"]}
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(rest.get("/webhooks").json["items"]) == 1


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"url": "http://127.0.0.2/"}, "/url"),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "/url"),
        ({"url": "http://2130706433/"}, "/url"),
        ({"url": "https://user:pw@example.com/"}, "/url"),
        ({"url": "https://example.com/\r\nX: y"}, "/url"),
        ({"url": "ftp://example.com/"}, "/url"),
        ({"url": "https://example.com:22/"}, "/url"),
        ({"url": ""}, "/url"),
        ({"url": "https://example.com/" + "a" * 2000}, "/url"),
        ({"url": 7}, "/url"),
        ({"url": None}, "/url"),
        ({"events": []}, "/events"),
        ({"events": ["operation.began"]}, "/events/0"),
        ({"events": "operation.ended"}, "/events"),
        ({"events": ["operation.ended"] * 51}, "/events"),
        ({"format": "xml"}, "/format"),
        ({"name": ""}, "/name"),
        ({"name": "  "}, "/name"),
        ({"name": "x" * 65}, "/name"),
        ({"secret": "whsec_mine"}, "/secret"),
        ({"enabled": False}, "/enabled"),
        ({"project": "none such"}, "/project"),
    ],
)
def test_what_is_no_webhook_is_refused(rest: Rest, change: dict[str, Any], pointer: str) -> None:
    body = problem(rest.post("/webhooks", {**NEW, **change}), 422, "validation_failed")
    assert pointers(body) == [pointer]
    assert rest.get("/webhooks").json["items"] == []
    if pointer in ("/url", "/format") and change.get("url") is None:
        return
    if pointer == "/url":
        own = add(rest)["links"]["self"]
        body = problem(rest.patch(own, change, If_Match="*"), 422, "validation_failed")
        assert pointers(body) == ["/url"]


@pytest.mark.parametrize("missing", ["name", "url", "events"])
def test_a_new_webhook_needs_name_url_and_events(rest: Rest, missing: str) -> None:
    body = {name: value for name, value in NEW.items() if name != missing}
    assert pointers(problem(rest.post("/webhooks", body), 422, "validation_failed")) == [
        f"/{missing}"
    ]


def test_a_webhook_is_changed_with_its_etag_only(rest: Rest) -> None:
    own = add(rest)["links"]["self"]
    etag = rest.get(own).headers["ETag"]
    problem(rest.patch(own, {"name": "new"}), 428, "precondition_required")
    answer = rest.patch(
        own, {"name": "new", "events": ["drift.gone", "drift.found"]}, If_Match=etag
    )
    assert answer.status_code == 200
    assert (answer.json["name"], answer.json["events"]) == ("new", ["drift.found", "drift.gone"])
    problem(rest.patch(own, {"name": "newer"}, If_Match=etag), 412, "precondition_failed")
    problem(rest.delete(own, If_Match=etag), 412, "precondition_failed")
    problem(rest.delete(own), 428, "precondition_required")
    assert rest.delete(own, If_Match=answer.headers["ETag"]).status_code == 204
    problem(rest.get(own), 404, "not_found")


def test_disabling_and_enabling_is_said(rest: Rest) -> None:
    own = add(rest)["links"]["self"]
    off = rest.patch(own, {"enabled": False}, If_Match="*").json
    assert (off["enabled"], off["disabled_because"]) == (False, "Disabled by admin.")
    problem(rest.post(f"{own}/test"), 409, "conflict")
    on = rest.patch(own, {"enabled": True}, If_Match="*").json
    assert (on["enabled"], on["disabled_because"]) == (True, None)


def test_a_new_secret_is_shown_once_and_the_old_one_has_an_end(rest: Rest) -> None:
    made = add(rest)
    answer = rest.post(f"{made['links']['self']}/secret")
    assert answer.status_code == 201
    assert answer.json["secret"] != made["secret"]
    assert answer.json["previous_secret_until"] > answer.json["updated_at"]
    assert answer.headers["ETag"] == rest.get(made["links"]["self"]).headers["ETag"]


def test_a_test_message_arrives_and_is_shown_with_its_answer(
    rest: Rest, receiver: Receiver
) -> None:
    made = add(rest, url=receiver.url)
    own = made["links"]["self"]
    receiver.statuses, receiver.answer = [500], b"not today"
    queued = rest.post(f"{own}/test")
    assert queued.status_code == 201
    assert (queued.json["status"], queued.json["attempts"]) == ("pending", 0)
    send(rest)
    shown = rest.get(queued.headers["Location"]).json
    assert (shown["status"], shown["attempts"], shown["response_status"]) == ("dead", 1, 500)
    assert shown["response_excerpt"] == "not today"
    assert shown["duration_ms"] >= 0
    again = rest.post(f"{shown['links']['self']}/redeliver")
    assert again.status_code == 201
    assert again.json["redelivery_of"] == shown["id"]
    send(rest)
    newest = rest.get(f"{own}/deliveries").json["items"]
    assert [item["status"] for item in newest] == ["delivered", "dead"]
    dead = rest.get(f"{own}/deliveries", status="dead").json["items"]
    assert [item["id"] for item in dead] == [shown["id"]]
    assert receiver.requests[1].is_signed_by(made["secret"])
    assert "landform_webhook_attempts_total" in rest.get("/metrics").text
    assert 'result="delivered"} 1.0' in rest.get("/metrics").text


def test_what_a_client_does_to_a_stack_is_told_without_its_secrets(
    rest: Rest, receiver: Receiver
) -> None:
    add(rest, url=receiver.url, events=["operation.ended"])
    created = rest.create("networks", "web", labels={"team": "blue"})
    rest.post(f"/operations/{created['operation']['id']}/cancel")
    send(rest)
    (got,) = receiver.requests
    assert got.json["data"]["operation"]["id"] == created["operation"]["id"]
    assert got.json["data"]["operation"]["status"] == "canceled"
    assert rest.get(got.json["data"]["operation"]["link"]).status_code == 200
    assert rest.get(got.json["data"]["stack"]["link"]).status_code == 200


def test_administrators_of_a_project_manage_its_webhooks_and_no_others(rest: Rest) -> None:
    rest.make_project("other")
    own, foreign = rest.as_member("admin"), rest.as_member("admin", "other")
    everywhere = add(rest)["links"]["self"]
    made = own.post("/webhooks", {**NEW, "project": "default"})
    assert made.status_code == 201
    path = made.json["links"]["self"]
    assert [item["id"] for item in own.get("/webhooks").json["items"]] == [made.json["id"]]
    assert len(rest.get("/webhooks").json["items"]) == 2
    assert len(rest.get("/webhooks", project="default").json["items"]) == 1
    assert foreign.get("/webhooks").json["items"] == []
    problem(own.post("/webhooks", NEW), 403, "permission_denied")
    refused = foreign.post("/webhooks", {**NEW, "project": "default"})
    assert pointers(problem(refused, 422, "validation_failed")) == ["/project"]
    for caller, target in ((foreign, path), (own, everywhere)):
        for answer in _everything(caller, target):
            problem(answer, 404, "not_found")


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_of_the_project_manage_none(rest: Rest, role: str) -> None:
    path = add(rest, project="default")["links"]["self"]
    member = rest.as_member(role)
    problem(member.get("/webhooks"), 403, "permission_denied")
    problem(member.post("/webhooks", {**NEW, "project": "default"}), 403, "permission_denied")
    for answer in _everything(member, path):
        problem(answer, 403, "permission_denied")


def _everything(caller: Rest, path: str) -> list[Any]:
    return [
        caller.get(path),
        caller.patch(path, {"name": "x"}, If_Match="*"),
        caller.delete(path, If_Match="*"),
        caller.post(f"{path}/secret"),
        caller.post(f"{path}/test"),
        caller.get(f"{path}/deliveries"),
        caller.get(f"{path}/deliveries/dlv_x"),
        caller.post(f"{path}/deliveries/dlv_x/redeliver"),
    ]


def test_a_delivery_is_found_at_its_own_webhook_only(rest: Rest) -> None:
    one, two = add(rest)["links"]["self"], add(rest)["links"]["self"]
    delivery = rest.post(f"{one}/test").json["id"]
    assert rest.get(f"{one}/deliveries/{delivery}").status_code == 200
    problem(rest.get(f"{two}/deliveries/{delivery}"), 404, "not_found")
    problem(rest.post(f"{two}/deliveries/{delivery}/redeliver"), 404, "not_found")


def test_the_webhooks_of_a_project_go_with_it(rest: Rest) -> None:
    project = rest.post("/projects", {"name": "short"}).json
    gone = add(rest, project="short")["links"]["self"]
    rest.post(f"{gone}/test")
    kept = add(rest)["links"]["self"]
    assert rest.delete(f"/projects/{project['id']}", If_Match="*").status_code == 204
    problem(rest.get(gone), 404, "not_found")
    assert rest.get(kept).status_code == 200


def test_every_act_on_a_webhook_is_audited_without_its_url(rest: Rest) -> None:
    made = add(rest, url="https://hooks.example.com/T0KEN")
    own = made["links"]["self"]
    rest.patch(own, {"url": "https://hooks.example.com/0THER"}, If_Match="*")
    rest.post(f"{own}/secret")
    delivery = rest.post(f"{own}/test").json["id"]
    rest.post(f"{own}/deliveries/{delivery}/redeliver")
    rest.delete(own, If_Match="*")
    text = rest.get("/audit-events", object_id=made["id"])
    assert [item["action"] for item in text.json["items"]] == [
        f"webhook.{act}"
        for act in ("delete", "redeliver", "test", "rotate_secret", "change", "create")
    ]
    assert "T0KEN" not in text.text
    assert "0THER" not in text.text
    assert made["secret"] not in text.text
