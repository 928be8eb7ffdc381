"""Changing and deleting a stack: only what the client has read, and in the order of asking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.clock import utc_now
from app.models import Operation
from tests.api.rest import Rest, pointers, problem


def _queue_zones(rest: Rest, stack: dict[str, Any], zones: int) -> dict[str, Any]:
    answer = rest.patch(_path(stack), {"parameters": {"zones": zones}}, If_Match="*")
    operation: dict[str, Any] = answer.json["operation"]
    return operation


def _path(stack: dict[str, Any]) -> str:
    return str(stack["links"]["typed"])


def test_a_changed_parameter_queues_an_apply_and_changes_the_etag(
    rest: Rest, network: dict[str, Any]
) -> None:
    etag = rest.get(_path(network)).headers["ETag"]
    answer = rest.patch(_path(network), {"parameters": {"zones": 3}}, If_Match=etag)
    assert answer.status_code == 202
    assert answer.json["operation"]["type"] == "apply"
    assert answer.headers["Location"].endswith(answer.json["operation"]["id"])
    assert answer.json["stack"]["parameters"]["zones"] == 3
    assert answer.json["stack"]["pending_changes"] is True
    assert answer.headers["ETag"] != etag
    assert rest.get(_path(network)).headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_needs_if_match(rest: Rest, network: dict[str, Any], method: str) -> None:
    problem(rest.call(method, _path(network), json={}), 428, "precondition_required")


@pytest.mark.parametrize(
    "etag", ['"99"', 'W/"1"', "1", '"x"', '"' + "9" * 30 + '"', "", '"1", "2"']
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_stale_or_foreign_etag_changes_nothing(reader: Rest, method: str, etag: str) -> None:
    network = reader.get("/stacks").json["items"][0]
    before = reader.count(Operation)
    answer = reader.call(method, _path(network), json={}, headers={"If-Match": etag})
    problem(answer, 412, "precondition_failed")
    assert reader.count(Operation) == before


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"parameters": {}},
        {"parameters": {"zones": 2}},
        {"parameters": {"zones": None}},
        {"labels": {}},
        {"auto_apply": "always"},
        {"deletion_protection": False},
        {"drift": {}},
        {"drift": {"enabled": True}},
        {"expires_at": None},
    ],
)
def test_a_change_that_changes_nothing_answers_so(
    rest: Rest, network: dict[str, Any], body: dict[str, Any]
) -> None:
    etag = rest.get(_path(network)).headers["ETag"]
    answer = rest.patch(_path(network), body, If_Match="*")
    assert (answer.status_code, answer.json["operation"]) == (200, None)
    assert answer.headers["ETag"] == etag
    assert "Location" not in answer.headers
    assert "Retry-After" not in answer.headers


def test_settings_change_at_once_without_terraform(rest: Rest, network: dict[str, Any]) -> None:
    body = {
        "labels": {"a": "b"},
        "auto_apply": "never",
        "drift": {"interval_seconds": 60},
        "expires_at": "2030-01-01T00:00:00Z",
        "deletion_protection": True,
    }
    answer = rest.patch(_path(network), body, If_Match="*")
    assert (answer.status_code, answer.json["operation"]) == (200, None)
    stack = answer.json["stack"]
    assert stack["labels"] == {"a": "b"}
    assert stack["auto_apply"] == "never"
    assert stack["drift"]["interval_seconds"] == 60
    assert stack["deletion_protection"] is True
    cleared = rest.patch(_path(network), {"expires_at": None}, If_Match=answer.headers["ETag"])
    assert cleared.json["stack"]["expires_at"] is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"name": "other"}, "/name"),
        ({"region": "us-east"}, "/region"),
        ({"parameters": []}, "/parameters"),
        ({"parameters": {"zones": 0}}, "/parameters/zones"),
        ({"parameters": {"nothing": 1}}, "/parameters"),
        ({"drift": None}, "/drift"),
    ],
)
def test_a_bad_change_is_refused_with_its_place(
    rest: Rest, network: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    told = problem(rest.patch(_path(network), body, If_Match="*"), 422, "validation_failed")
    assert pointers(told)[0].startswith(pointer)


def test_an_immutable_parameter_is_refused_with_its_place(
    rest: Rest, network: dict[str, Any]
) -> None:
    answer = rest.patch(_path(network), {"parameters": {"cidr": "10.9.0.0/16"}}, If_Match="*")
    told = problem(answer, 409, "immutable_parameter")
    assert pointers(told) == ["/parameters/cidr"]
    assert rest.get(_path(network)).json["parameters"]["cidr"] == "10.0.0.0/16"


def test_a_stack_is_changed_in_the_collection_of_its_kind_only(
    rest: Rest, network: dict[str, Any]
) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = rest.call(method, f"/buckets/{network['id']}", json={}, headers={"If-Match": "*"})
        problem(answer, 404, "not_found")


def test_changes_wait_for_each_other_in_the_order_of_asking(
    rest: Rest, network: dict[str, Any]
) -> None:
    first = _queue_zones(rest, network, 1)
    rest.set_operation(first["id"], status="planning")
    second = rest.patch(_path(network), {"parameters": {"zones": 3}}, If_Match="*").json[
        "operation"
    ]
    third = rest.post(f"/stacks/{network['id']}/operations", {"type": "plan"}).json["operation"]
    assert second["status"] == third["status"] == "pending"
    for waiting in (second, third):
        assert waiting["waiting_for"]["operation_id"] == first["id"]
        assert "running" in waiting["waiting_for"]["detail"]
    rest.end(first["id"])
    assert rest.get(f"/operations/{second['id']}").json["waiting_for"]["reason"] == "worker"
    behind = rest.get(f"/operations/{third['id']}").json["waiting_for"]
    assert behind["operation_id"] == second["id"]
    listed = rest.get(f"/stacks/{network['id']}/operations").json["items"]
    assert [item["id"] for item in listed][:3] == [third["id"], second["id"], first["id"]]
    assert listed[0]["waiting_for"] == behind


def test_an_operation_behind_a_plan_says_that_it_waits_for_approval(
    rest: Rest, network: dict[str, Any]
) -> None:
    first = _queue_zones(rest, network, 1)
    rest.set_operation(first["id"], status="planned")
    assert rest.get(f"/operations/{first['id']}").json["waiting_for"]["reason"] == "approval"
    second = rest.post(f"/stacks/{network['id']}/operations", {"type": "plan"}).json["operation"]
    assert "approval" in second["waiting_for"]["detail"]


def test_deleting_queues_a_destroy_and_keeps_the_history(
    rest: Rest, network: dict[str, Any]
) -> None:
    etag = rest.get(_path(network)).headers["ETag"]
    answer = rest.delete(_path(network), If_Match=etag)
    assert answer.status_code == 202
    assert answer.json["operation"]["type"] == "destroy"
    rest.end(answer.json["operation"]["id"], stack_status="deleted")
    gone = rest.get(_path(network)).json
    assert gone["status"] == "deleted"
    assert gone["deleted_at"]
    assert rest.get("/stacks").json["items"] == []
    assert len(rest.get(f"/stacks/{network['id']}/operations").json["items"]) == 2
    problem(rest.patch(_path(network), {}, If_Match="*"), 409, "conflict")
    problem(rest.post(f"/stacks/{network['id']}/operations", {"type": "apply"}), 409, "conflict")


def test_deleting_twice_gives_the_same_operation(rest: Rest, network: dict[str, Any]) -> None:
    etag = rest.get(_path(network)).headers["ETag"]
    answers = [rest.delete(_path(network), If_Match=etag) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json["operation"]["id"] == answers[1].json["operation"]["id"]


def test_a_stack_whose_destroy_is_queued_takes_no_changes(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.delete(_path(network), If_Match="*")
    answer = rest.patch(_path(network), {"parameters": {"zones": 3}}, If_Match="*")
    told = problem(answer, 409, "conflict")
    assert "being deleted" in told["detail"]


def test_a_protected_stack_is_not_deleted(rest: Rest) -> None:
    stack = rest.made("buckets", "files", deletion_protection=True)
    problem(rest.delete(_path(stack), If_Match="*"), 409, "deletion_protected")
    answer = rest.post(f"/stacks/{stack['id']}/operations", {"type": "destroy"})
    problem(answer, 409, "deletion_protected")


def test_a_stack_that_others_use_is_not_deleted_and_they_are_listed(
    rest: Rest, network: dict[str, Any]
) -> None:
    group = rest.made("machine-groups", "workers", parameters={"network": "web"})
    told = problem(rest.delete(_path(network), If_Match="*"), 409, "stack_referenced")
    assert "machine-group 'workers'" in told["detail"]
    assert told["context"] == {"stacks": [{"id": group["id"], "name": "workers"}]}
    answer = rest.post(f"/stacks/{network['id']}/operations", {"type": "destroy"})
    problem(answer, 409, "stack_referenced")
    rest.end(rest.delete(_path(group), If_Match="*").json["operation"]["id"], "applied", "deleted")
    assert rest.delete(_path(network), If_Match="*").status_code == 202


def test_what_an_immutable_parameter_would_replace_is_named(
    rest: Rest, network: dict[str, Any]
) -> None:
    group = rest.made("machine-groups", "workers", parameters={"network": "web"})
    path = f"/networks/{network['id']}"
    answer = rest.patch(path, {"parameters": {"cidr": "10.9.0.0/16"}}, If_Match="*")
    told = problem(answer, 409, "immutable_parameter")
    assert told["context"]["replaced"] == [
        {"id": network["id"], "name": "web", "kind": "network"},
        {"id": group["id"], "name": "workers", "kind": "machine-group"},
    ]
    assert pointers(told) == ["/parameters/cidr"]
    message = (
        "A change would replace network 'web' and, since they use it, machine-group 'workers'."
    )
    assert told["errors"][0]["message"] == message


@pytest.mark.parametrize(
    ("patch", "left"),
    [
        ({"stage": "dev"}, {"team": "web", "stage": "dev"}),
        ({"team": None}, {}),
        ({"team": None, "none": None, "stage": "dev"}, {"stage": "dev"}),
        ({"team": "api"}, {"team": "api"}),
        ({}, {"team": "web"}),
    ],
)
def test_labels_are_merged(rest: Rest, patch: dict[str, Any], left: dict[str, str]) -> None:
    """As RFC 7396 has it; null removes one."""
    made = rest.made("networks", "labelled", labels={"team": "web"})
    answer = rest.patch(_path(made), {"labels": patch}, If_Match="*")
    assert answer.status_code == 200, answer.text
    assert answer.json["stack"]["labels"] == left


def test_labels_that_are_merged_are_as_few_as_those_of_a_new_stack(rest: Rest) -> None:
    made = rest.made("networks", "labelled", labels={f"l{n}": "x" for n in range(60)})
    path = _path(made)
    answer = rest.patch(path, {"labels": {f"m{n}": "x" for n in range(5)}}, If_Match="*")
    assert pointers(problem(answer, 422, "validation_failed")) == ["/labels"]
    patch = {**{f"m{n}": "x" for n in range(5)}, "l0": None}
    assert rest.patch(path, {"labels": patch}, If_Match="*").status_code == 200


def test_a_deletion_that_is_done_is_answered_with_the_operation_that_did_it(
    rest: Rest, network: dict[str, Any]
) -> None:
    first = rest.delete(_path(network), If_Match="*").json["operation"]["id"]
    rest.end(first, stack_status="deleted")
    count = rest.count(Operation)
    again = rest.delete(_path(network), If_Match='"1"')
    assert again.status_code == 200
    assert (again.json["operation"]["id"], again.json["stack"]["status"]) == (first, "deleted")
    assert "Location" not in again.headers
    rest.set_stack(network["id"], deleted_at=utc_now() - timedelta(hours=25))
    problem(rest.delete(_path(network), If_Match="*"), 404, "stack_gone")
    assert rest.count(Operation) == count


def test_a_deletion_that_is_done_is_told_to_who_may_delete_only(
    rest: Rest, network: dict[str, Any]
) -> None:
    rest.end(
        rest.delete(_path(network), If_Match="*").json["operation"]["id"], "applied", "deleted"
    )
    viewer, outsider = rest.as_member("viewer"), rest.as_member(None)
    problem(viewer.delete(_path(network), If_Match="*"), 403, "permission_denied")
    problem(outsider.delete(_path(network), If_Match="*"), 404, "not_found")
