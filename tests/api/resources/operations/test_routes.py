"""Following operations and steering them."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from app.clock import utc_now
from app.limits.stream_places import StreamLimits, StreamPlaces
from app.models import OperationEvent, StoredPlan
from app.services.secrets import seal_json, seal_plan
from app.web.stream_places import EXTENSION
from tests.api.rest import Rest, pointers, problem


@pytest.fixture
def operation(rest: Rest) -> str:
    """The id of a pending apply."""
    return str(rest.create("networks", "web")["operation"]["id"])


def _tell(rest: Rest, operation: str, *messages: str) -> list[int]:
    with rest.ctx.write() as session:
        rows = [
            OperationEvent(
                operation_id=operation, at=utc_now(), type="note", level="info", message=text
            )
            for text in messages
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def _later(seconds: float, act: Any) -> threading.Thread:
    def run() -> None:
        time.sleep(seconds)
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("verb", "status", "after"),
    [
        ("approve", "planned", "planned"),
        ("discard", "planned", "discarded"),
        ("cancel", "pending", "canceled"),
        ("cancel", "planned", "canceled"),
        ("cancel", "planning", "canceling"),
        ("cancel", "applying", "canceling"),
    ],
)
def test_steering_answers_with_the_operation(
    rest: Rest, operation: str, verb: str, status: str, after: str
) -> None:
    rest.set_operation(operation, status=status, generation=1)
    answer = rest.post(f"/operations/{operation}/{verb}")
    assert (answer.status_code, answer.json["status"]) == (202, after)
    assert answer.headers["Location"] == f"/api/v1/operations/{operation}"
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("verb", ["approve", "discard", "cancel"])
@pytest.mark.parametrize("status", ["applied", "errored", "interrupted", "discarded"])
def test_an_ended_operation_is_not_steered(
    rest: Rest, operation: str, verb: str, status: str
) -> None:
    rest.set_operation(operation, status=status)
    told = problem(rest.post(f"/operations/{operation}/{verb}"), 409, "operation_state")
    assert status in told["detail"]


def test_an_approved_plan_is_not_approved_again(rest: Rest, operation: str) -> None:
    rest.set_operation(operation, status="planned", generation=1)
    assert rest.post(f"/operations/{operation}/approve").json["approved_by"] == "admin"
    problem(rest.post(f"/operations/{operation}/approve"), 409, "operation_state")


def test_links_name_what_can_be_done_now(rest: Rest, operation: str) -> None:
    path = f"/operations/{operation}"
    assert {"cancel"} == set(rest.get(path).json["links"]) & {"cancel", "approve", "discard"}
    rest.set_operation(operation, status="planned")
    assert {"cancel", "approve", "discard"} <= set(rest.get(path).json["links"])
    rest.end(operation)
    assert not {"cancel", "approve", "discard"} & set(rest.get(path).json["links"])


@pytest.mark.parametrize("kind", ["plan", "apply", "destroy", "drift_check"])
def test_an_operation_of_each_type_is_started(
    rest: Rest, network: dict[str, Any], kind: str
) -> None:
    answer = rest.post(f"/stacks/{network['id']}/operations", {"type": kind})
    assert answer.status_code == 202
    assert answer.json["operation"]["type"] == kind
    assert answer.json["stack"]["id"] == network["id"]
    assert answer.headers["Location"].endswith(answer.json["operation"]["id"])


@pytest.mark.parametrize("body", [{}, {"type": "dance"}, {"type": 1}, {"type": "plan", "x": 1}])
def test_an_unknown_operation_is_refused(
    rest: Rest, network: dict[str, Any], body: dict[str, Any]
) -> None:
    answer = rest.post(f"/stacks/{network['id']}/operations", body)
    problem(answer, 422, "validation_failed")


def test_an_operation_on_nothing_is_not_found(reader: Rest) -> None:
    answer = reader.post("/stacks/stk_none/operations", {"type": "plan"})
    problem(answer, 404, "not_found")


def test_the_plan_is_shown_once_there_is_one(rest: Rest, operation: str) -> None:
    path = f"/operations/{operation}/plan"
    problem(rest.get(path), 404, "not_found")
    sealed = seal_json(rest.ctx.keys, {"changes": []}, f"plan:{operation}")
    with rest.ctx.write() as session:
        session.add(StoredPlan(operation_id=operation, sealed_changes=sealed, created_at=utc_now()))
    assert rest.get(path).json["changes"] == []


def test_a_long_plan_is_read_page_by_page(rest: Rest, operation: str) -> None:
    path = f"/operations/{operation}/plan"
    changes = [{"address": f"a.b[{number}]"} for number in range(120)]
    sealed = seal_plan(rest.ctx.keys, operation, {"changes": changes, "outputs": []})
    with rest.ctx.write() as session:
        session.add(StoredPlan(operation_id=operation, sealed_changes=sealed, created_at=utc_now()))
    first = rest.get(path)
    assert first.json["changes"] == changes[:50]
    assert first.json["totals"] == {"changes": 120, "drift": 0}
    assert 'rel="next"' in first.headers["Link"]
    rest_of_it = rest.get(path, limit=100, cursor=first.json["next_cursor"])
    assert rest_of_it.json["changes"] == changes[50:]
    assert rest_of_it.json["next_cursor"] is None
    problem(rest.get(path, cursor="x"), 422, "validation_failed")


def test_events_are_read_page_by_page_and_as_a_log(rest: Rest, operation: str) -> None:
    _tell(rest, operation, "one", "two", "three")
    path = f"/operations/{operation}/events"
    first = rest.get(path, limit=2).json
    assert [item["message"] for item in first["items"]] == ["one", "two"]
    second = rest.get(path, limit=2, cursor=first["next_cursor"]).json
    assert [item["message"] for item in second["items"]] == ["three"]
    log = rest.get(f"/operations/{operation}/log")
    assert log.content_type == "text/plain; charset=utf-8"
    assert [line.split(" ", 1)[1] for line in log.text.splitlines()] == [
        *("INFO  one", "INFO  two", "INFO  three")
    ]


def test_events_and_log_of_nothing_are_not_found(reader: Rest) -> None:
    for part in ("events", "log", "plan"):
        problem(reader.get(f"/operations/op_none/{part}"), 404, "not_found")
    stream = {"Accept": "text/event-stream"}
    problem(reader.get("/operations/op_none/events", headers=stream), 404, "not_found")


def _stream(rest: Rest, operation: str, **headers: str) -> Any:
    wanted = {"Accept": "text/event-stream", **headers}
    return rest.get(f"/operations/{operation}/events", headers=wanted)


def _messages(text: str, name: str) -> list[str]:
    return [part for part in text.split("\n\n") if f"event: {name}\n" in part + "\n"]


def test_a_stream_tells_all_events_and_ends_with_the_operation(rest: Rest, operation: str) -> None:
    ids = _tell(rest, operation, "one", "two")
    rest.end(operation)
    answer = _stream(rest, operation)
    assert answer.content_type.startswith("text/event-stream")
    assert answer.headers["Cache-Control"] == "no-store"
    assert [part.split("\n")[0] for part in _messages(answer.text, "event")] == [
        f"id: {number}" for number in ids
    ]
    assert answer.text.startswith("retry: ")
    assert '"status": "applied"' in _messages(answer.text, "end")[0]


def test_a_stream_resumes_after_the_last_event(rest: Rest, operation: str) -> None:
    ids = _tell(rest, operation, "one", "two", "three")
    rest.end(operation)
    answer = _stream(rest, operation, **{"Last-Event-ID": str(ids[1])})
    (only,) = _messages(answer.text, "event")
    assert "three" in only


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "", "9" * 19, "٣", "1; DROP"])
def test_a_hostile_last_event_id_is_refused(rest: Rest, operation: str, last: str) -> None:
    problem(_stream(rest, operation, **{"Last-Event-ID": last}), 422, "validation_failed")


def test_a_stream_follows_an_operation_that_goes_on(rest: Rest, operation: str) -> None:
    def go_on() -> None:
        _tell(rest, operation, "later")
        rest.end(operation)

    thread = _later(0.3, go_on)
    text = _stream(rest, operation).text
    thread.join()
    assert '"status": "pending"' in _messages(text, "operation")[0]
    assert "later" in _messages(text, "event")[0]
    assert _messages(text, "end")


@pytest.fixture
def one_stream(rest: Rest) -> None:
    rest.app.extensions[EXTENSION] = StreamPlaces(StreamLimits(1, 1, 1, 1), rest.ctx.shared)


@pytest.mark.usefixtures("one_stream")
def test_streams_are_bounded_and_a_closed_one_makes_room(rest: Rest, operation: str) -> None:
    first = _stream(rest, operation)
    refused = _stream(rest, operation)
    problem(refused, 429, "rate_limited")
    assert refused.headers["Retry-After"]
    first.close()
    rest.end(operation)
    assert _stream(rest, operation).status_code == 200


@pytest.mark.usefixtures("one_stream")
def test_asking_for_the_head_of_a_stream_keeps_no_place(rest: Rest, operation: str) -> None:
    path, headers = f"/operations/{operation}/events", {"Accept": "text/event-stream"}
    for _ in range(2):
        answer = rest.call("HEAD", path, headers=headers)
        assert (answer.status_code, answer.data) == (200, b"")


def test_prefer_wait_returns_as_soon_as_the_operation_ends(
    rest: Rest, network: dict[str, Any]
) -> None:
    def end() -> None:
        (pending,) = rest.get("/operations", status="pending").json["items"]
        rest.end(pending["id"], "planned_and_finished")

    thread = _later(0.4, end)
    started = time.monotonic()
    path = f"/stacks/{network['id']}/operations"
    answer = rest.post(path, {"type": "plan"}, Prefer="respond-async, wait=20")
    thread.join()
    assert time.monotonic() - started > 0.3
    assert answer.status_code == 202
    assert answer.json["operation"]["status"] == "planned_and_finished"


def test_prefer_wait_gives_up_after_the_time_asked_for(rest: Rest, network: dict[str, Any]) -> None:
    started = time.monotonic()
    answer = rest.post(f"/stacks/{network['id']}/operations", {"type": "plan"}, Prefer="wait=1")
    assert time.monotonic() - started >= 1
    assert answer.json["operation"]["status"] == "pending"


@pytest.mark.parametrize("prefer", ["wait=x", "wait=-5", "wait", "waiting=30", "wait=99999"])
def test_a_preference_that_makes_no_sense_is_ignored(
    rest: Rest, network: dict[str, Any], prefer: str
) -> None:
    answer = rest.post(f"/stacks/{network['id']}/operations", {"type": "plan"}, Prefer=prefer)
    assert answer.status_code == 202
    assert "Preference-Applied" not in answer.headers


def test_the_operations_of_a_stack_are_its_own(rest: Rest, network: dict[str, Any]) -> None:
    rest.create("networks", "other")
    (only,) = rest.get(f"/stacks/{network['id']}/operations").json["items"]
    assert only["stack_id"] == network["id"]
    answer = rest.get(f"/stacks/{network['id']}/operations", x="1")
    assert pointers(problem(answer, 422, "validation_failed")) == ["?x"]
