"""A GET of an operation is held as ``Prefer: wait`` asks, until it ends or has a status."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.api.rest import Rest, problem


@pytest.fixture
def waiting(rest: Rest) -> dict[str, Any]:
    """An operation that waits for a worker."""
    operation: dict[str, Any] = rest.create("networks", "web")["operation"]
    return operation


def look(rest: Rest, operation: dict[str, Any], prefer: str, **headers: str) -> Any:
    return rest.get(f"/operations/{operation['id']}", headers={"Prefer": prefer, **headers})


def test_it_is_answered_as_soon_as_the_operation_ends(rest: Rest, waiting: dict[str, Any]) -> None:
    end = threading.Timer(0.5, rest.end, [waiting["id"]])
    end.start()
    answer = look(rest, waiting, "wait=30")
    end.join()
    assert answer.json["status"] == "applied"
    assert answer.headers["Preference-Applied"] == "wait=30"


def test_it_is_answered_when_the_operation_has_the_status(
    rest: Rest, waiting: dict[str, Any]
) -> None:
    rest.set_operation(waiting["id"], status="planned", approved_at=None)
    assert look(rest, waiting, "wait=30").json["status"] == "planned", "it awaits approval"
    assert look(rest, waiting, "wait=30, wait-for=planned").json["status"] == "planned"
    end = threading.Timer(0.5, rest.end, [waiting["id"]])
    end.start()
    assert look(rest, waiting, 'wait=30, wait-for="applied"').json["status"] == "applied"
    end.join()


def test_what_has_ended_is_not_waited_for(rest: Rest, waiting: dict[str, Any]) -> None:
    rest.end(waiting["id"], "errored", "failed")
    answer = look(rest, waiting, "wait=30, wait-for=applied")
    assert answer.json["status"] == "errored"


def test_its_time_ends_and_it_is_answered_as_it_is(rest: Rest, waiting: dict[str, Any]) -> None:
    answer = look(rest, waiting, "wait=1")
    assert answer.json["status"] == "pending"
    assert answer.headers["Retry-After"] == "1"


def test_who_has_it_as_it_is_after_the_wait_is_told_so(rest: Rest, waiting: dict[str, Any]) -> None:
    etag = look(rest, waiting, "wait=0").headers["ETag"]
    assert look(rest, waiting, "wait=1", **{"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("status", ["done", "APPLIED", "x" * 40])
def test_a_status_that_does_not_exist_is_refused(
    rest: Rest, waiting: dict[str, Any], status: str
) -> None:
    told = problem(look(rest, waiting, f"wait=9, wait-for={status}"), 422, "validation_failed")
    assert status in told["detail"]


def test_nobody_waits_for_what_he_cannot_see(rest: Rest, waiting: dict[str, Any]) -> None:
    outsider = rest.as_member(None)
    problem(look(outsider, waiting, "wait=30"), 404, "not_found")


def test_who_loses_the_right_meanwhile_is_not_answered(rest: Rest, waiting: dict[str, Any]) -> None:
    viewer = rest.as_member("viewer")
    path = f"/projects/default/members/{viewer.user}"
    leave = threading.Timer(0.5, rest.delete, [path])
    leave.start()
    answer = look(viewer, waiting, "wait=2")
    leave.join()
    problem(answer, 404, "not_found")


def test_a_preference_that_is_none_changes_nothing(rest: Rest, waiting: dict[str, Any]) -> None:
    answer = look(rest, waiting, "return=minimal")
    assert answer.status_code == 200
    assert "Preference-Applied" not in answer.headers
