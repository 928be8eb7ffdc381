"""A dry run: the checks, problems and answer of the real thing, and nothing written."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.models.base import Base
from tests.api.http.test_query_parameters import written
from tests.api.rest import Rest, pointers, problem
from tests.api.test_safe_to_repeat import ARRANGED, BODIES
from tests.api.walking import Described, find_real, operations

TRIED = [
    item
    for item in operations()
    if "dry_run" in [one["name"] for one in item.operation["parameters"]]
]
UNTRIED = {"uploadState"}
"""It writes the volume, of which nothing can be rolled back."""


def rows(rest: Rest) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with rest.ctx.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(select(table))]
            for table in Base.metadata.sorted_tables
        }


def send(rest: Rest, item: Described, path: str, query: str = "", **headers: str) -> Any:
    body = BODIES.get(item.id, item.example)
    if item.method == "POST" and isinstance(body, dict) and "network" in body.get("parameters", {}):
        body = {**body, "name": "second", "parameters": {"network": "net-1"}}
    if item.method == "PATCH":
        body = {"labels": {"team": "other"}}
    headers = {"If-Match": "*", **{name.replace("_", "-"): text for name, text in headers.items()}}
    return rest.call(item.method, path + query, json=body, headers=headers)


def test_every_change_that_touches_a_cloud_can_be_tried_out() -> None:
    accepted = {item.id for item in operations() if item.answer(202)}
    assert {item.id for item in TRIED} == (accepted | {"checkDrift"}) - UNTRIED


@pytest.mark.parametrize("item", TRIED, ids=str)
def test_a_dry_run_answers_as_the_real_thing_and_writes_nothing(
    rest: Rest, item: Described
) -> None:
    rest.made("networks", "net-1")
    ARRANGED.get(item.id, lambda _: None)(rest)
    path = find_real(rest, item.path)
    if path is None:
        pytest.skip("there is no stack of that kind")
    before = rows(rest)
    tried = send(rest, item, path, "?dry_run=true", Idempotency_Key="once", Prefer="wait=20")
    assert rows(rest) == before
    assert tried.headers.get("Dry-Run") == "true", tried.text
    assert not {"Location", "Retry-After", "ETag", "Preference-Applied"} & set(tried.headers.keys())
    done = send(rest, item, path, Idempotency_Key="once")
    assert done.status_code == tried.status_code, done.text
    assert done.status_code in (200, 202), done.text
    assert "Idempotent-Replayed" not in done.headers
    assert "Dry-Run" not in done.headers
    assert set(done.json) == set(tried.json)
    assert rows(rest) != before


def test_a_dry_run_meets_the_problems_of_the_real_thing(rest: Rest) -> None:
    rest.made("networks", "web")
    body = {"name": "web", "cloud_account": "sandbox"}
    taken = rest.call("POST", "/networks?dry_run=true", json=body)
    real = rest.post("/networks", body)
    assert taken.status_code == real.status_code == 409
    assert taken.json["errors"] == real.json["errors"]
    bad = rest.call("POST", "/networks?dry_run=true", json={**body, "cloud_account": "no"})
    assert pointers(problem(bad, 422, "validation_failed")) == ["/cloud_account"]


def test_a_dry_run_needs_the_rights_of_the_real_thing(rest: Rest) -> None:
    body = {"name": "web", "cloud_account": "sandbox"}
    answer = rest.as_member("viewer").call("POST", "/networks?dry_run=true", json=body)
    problem(answer, 403, "permission_denied")


def test_a_kept_answer_is_no_answer_to_a_dry_run(rest: Rest) -> None:
    body, key = {"name": "web", "cloud_account": "sandbox"}, {"Idempotency-Key": "once"}
    assert rest.call("POST", "/networks", json=body, headers=key).status_code == 202
    tried = rest.call("POST", "/networks?dry_run=true", json=body, headers=key)
    problem(tried, 409, "name_taken")


@pytest.mark.parametrize("value", ["", "1", "yes", "True", "plan", "true%20", "%00"])
def test_only_true_and_false_say_whether_it_is_one(rest: Rest, value: str) -> None:
    before = written(rest)
    body = {"name": "web", "cloud_account": "sandbox"}
    answer = rest.call("POST", f"/networks?dry_run={value}", json=body)
    assert pointers(problem(answer, 422, "validation_failed")) == ["?dry_run"]
    assert written(rest) == before


def test_false_does_it(rest: Rest) -> None:
    body = {"name": "web", "cloud_account": "sandbox"}
    answer = rest.call("POST", "/networks?dry_run=false", json=body)
    assert answer.status_code == 202
    assert len(rest.get("/networks").json["items"]) == 1


def test_a_destroy_of_many_is_tried_out_with_its_users(rest: Rest) -> None:
    network = rest.made("networks", "net-1")
    rest.made("machine-groups", "workers", parameters={"network": "net-1"})
    path = f"/networks/{network['id']}?dry_run=true"
    problem(rest.delete(path, If_Match="*"), 409, "stack_referenced")
    assert rest.delete(f"{path}&cascade=true", If_Match="*").status_code == 202
    assert rest.get(f"/stacks/{network['id']}").json["status"] == "ready"
