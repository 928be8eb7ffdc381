"""Change windows, maintenance and life times over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.clock import rfc3339, utc_now
from tests.api.rest import Rest, pointers, problem

NIGHT = {"effect": "allow", "days": ["mon", "fri"], "start": "22:00", "end": "04:00"}
PATHS = ["/change-control", "/projects/default/change-control"]


@pytest.mark.parametrize("path", PATHS)
def test_windows_and_maintenance_are_set_and_lifted(rest: Rest, path: str) -> None:
    fresh = rest.get(path)
    assert (fresh.json["open"], fresh.json["windows"]) == (True, [])
    body = {"windows": [NIGHT], "maintenance": {"reason": "moving"}}
    changed = rest.patch(path, body, If_Match=fresh.headers["ETag"])
    assert changed.status_code == 200
    assert changed.json["windows"] == [{**NIGHT, "timezone": "UTC"}]
    assert (changed.json["open"], changed.json["maintenance"]["until"]) == (False, None)
    assert "moving" in changed.json["detail"]
    problem(rest.patch(path, {}, If_Match=fresh.headers["ETag"]), 412, "precondition_failed")
    lifted = rest.patch(path, {"windows": [], "maintenance": None}, If_Match="*")
    assert (lifted.json["open"], lifted.json["maintenance"]) == (True, None)
    assert rest.get(path).json["updated_by"] == "admin"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"windows": [{**NIGHT, "days": []}]}, "/windows/0/days"),
        ({"windows": [{**NIGHT, "days": ["someday"]}]}, "/windows/0/days/0"),
        ({"windows": [{**NIGHT, "start": "25:00"}]}, "/windows/0/start"),
        ({"windows": [{**NIGHT, "start": "9:00"}]}, "/windows/0/start"),
        ({"windows": [{**NIGHT, "timezone": "Mars/Olympus"}]}, "/windows/0/timezone"),
        ({"windows": [{**NIGHT, "timezone": "../../etc/passwd"}]}, "/windows/0/timezone"),
        ({"windows": [{**NIGHT, "effect": "maybe"}]}, "/windows/0/effect"),
        ({"windows": [NIGHT] * 21}, "/windows"),
        ({"windows": [{**NIGHT, "more": 1}]}, "/windows/0/more"),
        ({"maintenance": {"reason": " "}}, "/maintenance/reason"),
        ({"maintenance": {"reason": "x", "until": "2001-01-01T00:00:00Z"}}, "/maintenance/until"),
        ({"maintenance": {}}, "/maintenance/reason"),
        ({"other": 1}, "/other"),
    ],
)
def test_what_is_not_acceptable_is_named_and_changes_nothing(
    rest: Rest, body: dict[str, Any], pointer: str
) -> None:
    path = PATHS[1]
    before = rest.get(path)
    answer = rest.patch(path, body, If_Match="*")
    assert pointer in pointers(problem(answer, 422, "validation_failed"))
    assert rest.get(path).json == before.json


def test_only_those_may_set_it_who_manage_the_project_or_the_service(rest: Rest) -> None:
    service, project = PATHS
    body = {"maintenance": {"reason": "x"}}
    admin, operator = rest.as_member("admin"), rest.as_member("operator")
    assert admin.get(service).status_code == 200
    problem(admin.patch(service, body, If_Match="*"), 403, "permission_denied")
    problem(operator.patch(project, body, If_Match="*"), 403, "permission_denied")
    assert admin.patch(project, body, If_Match="*").status_code == 200
    outsider = rest.as_member(None)
    problem(outsider.get(project), 404, "not_found")
    problem(outsider.patch(project, body, If_Match="*"), 404, "not_found")


def test_a_change_needs_the_version_that_was_read(rest: Rest) -> None:
    problem(rest.patch(PATHS[0], {}), 428, "precondition_required")


def test_a_life_time_is_given_as_a_moment_or_in_seconds(rest: Rest) -> None:
    stack = rest.create("buckets", "one", ttl_seconds=3600, on_expiry="ask")["stack"]
    assert stack["on_expiry"] == "ask"
    assert stack["expires_at"] > stack["created_at"]
    rest.end(rest.get("/operations").json["items"][0]["id"])
    typed = stack["links"]["typed"]
    changed = rest.patch(typed, {"expires_at": None, "on_expiry": "destroy"}, If_Match="*").json
    assert (changed["stack"]["expires_at"], changed["stack"]["on_expiry"]) == (None, "destroy")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"ttl_seconds": 59}, "/ttl_seconds"),
        ({"ttl_seconds": 1e9}, "/ttl_seconds"),
        ({"ttl_seconds": True}, "/ttl_seconds"),
        ({"ttl_seconds": 3600, "expires_at": "2030-01-01T00:00:00Z"}, "/ttl_seconds"),
        ({"on_expiry": "explode"}, "/on_expiry"),
    ],
)
def test_a_wrong_life_time_is_refused(rest: Rest, body: dict[str, Any], pointer: str) -> None:
    new = {"name": "one", "cloud_account": "sandbox", **body}
    answer = rest.post("/buckets", new)
    assert pointer in pointers(problem(answer, 422, "validation_failed"))


@pytest.mark.parametrize("ahead", [timedelta(days=-7305), timedelta(0), timedelta(seconds=45)])
def test_a_life_time_that_is_over_is_refused_and_destroys_nothing(
    rest: Rest, ahead: timedelta
) -> None:
    stack = rest.made("buckets", "one")
    expires_at = rfc3339(utc_now() + ahead)
    new = {"name": "two", "cloud_account": "sandbox", "expires_at": expires_at}
    answers = [
        rest.post("/buckets", new),
        rest.patch(stack["links"]["typed"], {"expires_at": expires_at}, If_Match="*"),
    ]
    for answer in answers:
        assert pointers(problem(answer, 422, "validation_failed")) == ["/expires_at"]
    assert [item["name"] for item in rest.get("/buckets").json["items"]] == ["one"]
    assert rest.get(f"/stacks/{stack['id']}").json["expires_at"] is None


def test_a_stack_may_live_a_minute_and_keeps_an_end_that_is_near(rest: Rest) -> None:
    stack = rest.create("buckets", "one", ttl_seconds=60)["stack"]
    assert stack["expires_at"] is not None
    near = utc_now() + timedelta(seconds=5)
    rest.set_stack(stack["id"], expires_at=near)
    body = {"expires_at": near.isoformat(), "labels": {"team": "web"}}
    answer = rest.patch(stack["links"]["typed"], body, If_Match="*")
    assert answer.status_code == 200, answer.text
    assert answer.json["stack"]["expires_at"] == rfc3339(near)
