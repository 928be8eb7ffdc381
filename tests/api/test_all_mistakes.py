"""All that is wrong with a request is told at once, whatever layer finds it."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Stack
from tests.api.rest import Rest, pointers, problem

WRONG: dict[str, Any] = {
    "name": "Not A Name",
    "cloud_account": "nowhere",
    "parameters": {"zones": 99, "cidr": "x"},
    "labels": {"bad name": "x", "team": "x" * 300},
    "expires_at": "2020-01-01T00:00:00Z",
}
PLACES = {
    "/name",
    "/cloud_account",
    "/parameters/zones",
    "/parameters/cidr",
    "/labels/bad name",
    "/labels/team",
    "/expires_at",
}


def test_what_services_find_is_told_at_once(rest: Rest) -> None:
    told = problem(rest.post("/networks", WRONG), 422, "validation_failed")
    assert set(pointers(told)) == PLACES
    assert len(pointers(told)) == len(PLACES)
    assert rest.count(Stack) == 0


def test_what_the_schema_refuses_is_told_with_what_services_would(rest: Rest) -> None:
    body = {**WRONG, "auto_apply": "sometimes", "region": "", "nonsense": 1, "ttl_seconds": 5}
    told = problem(rest.post("/networks", body), 422, "validation_failed")
    assert set(pointers(told)) == PLACES | {"/auto_apply", "/region", "/nonsense", "/ttl_seconds"}
    assert len(pointers(told)) == len(set(pointers(told)))


def test_a_field_that_is_missing_is_told_once(rest: Rest) -> None:
    told = problem(rest.post("/machine-groups", {}), 422, "validation_failed")
    assert sorted(pointers(told)) == ["/cloud_account", "/name", "/parameters"]
    told = problem(rest.post("/networks", {"parameters": {"zones": 9}}), 422, "validation_failed")
    assert sorted(pointers(told)) == ["/cloud_account", "/name", "/parameters/zones"]


def test_mistakes_tell_nothing_of_a_project_that_one_cannot_see(rest: Rest) -> None:
    rest.make_project("secret")
    outsider = rest.as_member("operator")
    answers = [
        problem(outsider.post("/networks", {**WRONG, "project": name}), 422, "validation_failed")
        for name in ("secret", "nowhere")
    ]
    assert pointers(answers[0]) == pointers(answers[1])
    assert "/project" in pointers(answers[0])
    assert "/cloud_account" not in pointers(answers[0])


def test_who_may_not_create_is_told_that_of_a_body_with_good_forms(rest: Rest) -> None:
    problem(rest.as_member("viewer").post("/networks", WRONG), 403, "permission_denied")


def test_all_mistakes_of_a_change_are_told_at_once(rest: Rest, network: dict[str, Any]) -> None:
    path = f"/networks/{network['id']}"
    body = {name: WRONG[name] for name in ("parameters", "labels", "expires_at")}
    places = PLACES - {"/name", "/cloud_account"}
    told = problem(rest.patch(path, body, If_Match="*"), 422, "validation_failed")
    assert set(pointers(told)) == places
    told = problem(
        rest.patch(path, {**body, "on_expiry": "x"}, If_Match="*"), 422, "validation_failed"
    )
    assert set(pointers(told)) == places | {"/on_expiry"}
    assert rest.get(path).json == network


@pytest.mark.parametrize("stack_id", ["stk_none", "x" * 300])
def test_mistakes_in_a_change_of_nothing_are_those_of_the_schema(rest: Rest, stack_id: str) -> None:
    answer = rest.patch(
        f"/networks/{stack_id}", {"labels": {"bad name": "x"}, "x": 1}, If_Match="*"
    )
    assert pointers(problem(answer, 422, "validation_failed")) == ["/x"]
