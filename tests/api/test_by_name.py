"""A stack by project and name: PUT makes it or changes it, and does nothing the second time."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Operation, Stack
from tests.api.rest import Rest, pointers, problem

WEB = "/projects/default/networks/web"


def put(rest: Rest, path: str = WEB, **body: Any) -> Any:
    return rest.call("PUT", path, json={"cloud_account": "sandbox", **body})


def test_it_makes_what_is_not_there_and_changes_nothing_the_second_time(rest: Rest) -> None:
    body = {"parameters": {"zones": 3}, "labels": {"team": "web"}}
    first = put(rest, **body)
    assert first.status_code == 202, first.text
    assert first.headers["Location"].endswith(first.json["operation"]["id"])
    rest.end(first.json["operation"]["id"])
    again = put(rest, **body)
    assert (again.status_code, again.json["operation"]) == (200, None)
    assert (rest.count(Stack), rest.count(Operation)) == (1, 1)
    assert rest.get(WEB).json == again.json["stack"]
    assert rest.get(WEB).headers["ETag"] == again.headers["ETag"]


def test_it_makes_what_is_there_as_wanted(rest: Rest, network: dict[str, Any]) -> None:
    put(rest, parameters={"zones": 3}, labels={"a": "1", "b": "2"}, auto_apply="never")
    answer = put(rest, labels={"b": "3"})
    stack = answer.json["stack"]
    assert answer.status_code == 202
    assert stack["id"] == network["id"]
    assert stack["parameters"]["zones"] == 2, "what is left out goes back to its default"
    assert stack["labels"] == {"b": "3"}
    assert stack["auto_apply"] == "never", "a setting that is left out stays"


def test_a_secret_that_is_not_sent_stays(rest: Rest) -> None:
    rest.made("networks", "net")
    database = rest.made("databases", "db", parameters={"network": "net"})
    path = "/projects/default/databases/db"
    answer = put(rest, path, parameters={"network": "net"})
    assert (answer.status_code, answer.json["operation"]) == (200, None), answer.text
    assert answer.json["stack"]["id"] == database["id"]


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({"region": "us-east"}, ["/region"]),
        ({"cloud_account": "other", "region": "us-east"}, ["/cloud_account", "/region"]),
        ({"parameters": {"zones": 9}}, ["/parameters/zones"]),
        ({"name": "web"}, ["/name"]),
        ({"project": "default"}, ["/project"]),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    rest: Rest, network: dict[str, Any], body: dict[str, Any], places: list[str]
) -> None:
    told = problem(put(rest, **body), 422, "validation_failed")
    assert pointers(told) == places
    assert rest.get(WEB).json == network


@pytest.mark.parametrize("name", ["Web", "w_b", "-web", "w" * 41])
def test_a_name_follows_the_rule(rest: Rest, name: str) -> None:
    told = problem(put(rest, f"/projects/default/networks/{name}"), 422, "validation_failed")
    assert pointers(told) == ["/name"]


def test_a_name_of_another_kind_is_taken(rest: Rest, network: dict[str, Any]) -> None:
    problem(put(rest, "/projects/default/buckets/web"), 409, "name_taken")
    problem(rest.get("/projects/default/buckets/web"), 404, "not_found")


def test_a_destroyed_stack_is_made_anew(rest: Rest, network: dict[str, Any]) -> None:
    gone = rest.delete(network["links"]["typed"], If_Match="*").json["operation"]["id"]
    problem(put(rest, labels={"a": "b"}), 409, "conflict")
    rest.end(gone, stack_status="deleted")
    problem(rest.get(WEB), 404, "not_found")
    answer = put(rest)
    assert answer.status_code == 202
    assert answer.json["stack"]["id"] != network["id"]


def test_it_is_tried_out_and_repeated_as_other_requests(rest: Rest) -> None:
    tried = put(rest, f"{WEB}?dry_run=true")
    assert (tried.status_code, rest.count(Stack)) == (202, 0)
    key = {"Idempotency-Key": "once"}
    body = {"cloud_account": "sandbox"}
    first = rest.call("PUT", WEB, json=body, headers=key)
    again = rest.call("PUT", WEB, json=body, headers=key)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json == first.json


def test_a_project_that_one_cannot_see_is_not_there(rest: Rest, network: dict[str, Any]) -> None:
    outsider, viewer = rest.as_member(None), rest.as_member("viewer")
    problem(outsider.get(WEB), 404, "not_found")
    problem(put(outsider), 404, "not_found")
    problem(put(viewer), 403, "permission_denied")
    assert viewer.get(WEB).status_code == 200
