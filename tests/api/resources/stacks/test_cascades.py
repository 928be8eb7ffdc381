"""Destroying a stack with everything that uses it, and looking first."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import AuditEvent, Operation
from tests.api.rest import Rest, problem


@pytest.fixture
def fleet(rest: Rest) -> dict[str, dict[str, Any]]:
    """A network that two groups and a cluster use, and a bucket that has nothing to do with it."""
    made = {"net": rest.made("networks", "net"), "files": rest.made("buckets", "files")}
    for plural, name in (("machine-groups", "b"), ("machine-groups", "a"), ("clusters", "kube")):
        made[name] = rest.made(plural, name, parameters={"network": "net"})
    return made


def delete(rest: Rest, stack: dict[str, Any], cascade: str, if_match: str = "*") -> Any:
    path = f"/networks/{stack['id']}?cascade={cascade}"
    return rest.call("DELETE", path, headers={"If-Match": if_match})


def look(rest: Rest, stack: dict[str, Any]) -> Any:
    return rest.get(f"/stacks/{stack['id']}/deletion-plan")


def test_a_plan_names_what_would_go_in_order_and_does_nothing(
    rest: Rest, fleet: dict[str, dict[str, Any]]
) -> None:
    before = rest.count(Operation), rest.count(AuditEvent)
    answer = look(rest, fleet["net"])
    assert answer.status_code == 200
    body = answer.get_json()
    assert [item["name"] for item in body["stacks"]] == ["kube", "a", "b", "net"]
    assert body["counts"] == {"cluster": 1, "machine-group": 2, "network": 1}
    assert body["is_possible"] is True
    assert (rest.count(Operation), rest.count(AuditEvent)) == before
    assert rest.get(f"/networks/{fleet['net']['id']}").get_json()["status"] == "ready"


def test_a_cascade_destroys_users_first_and_says_what_it_waits_for(
    rest: Rest, fleet: dict[str, dict[str, Any]]
) -> None:
    answer = delete(rest, fleet["net"], "true")
    assert answer.status_code == 202, answer.text
    waiting = answer.get_json()["operation"]["waiting_for"]
    assert waiting["reason"] == "reference"
    assert [item["name"] for item in waiting["stacks"]] == ["a", "b", "kube"]
    assert waiting["detail"] == "Waits until machine-group a is destroyed; its destroy is queued."
    for name in ("a", "b", "kube"):
        path = f"/stacks/{fleet[name]['id']}/operations"
        newest = rest.get(path).get_json()["items"][0]
        assert (newest["type"], newest["waiting_for"]["reason"]) == ("destroy", "worker")
        rest.end(newest["id"], "applied", "deleted")
    own = rest.get(f"/operations/{answer.get_json()['operation']['id']}").get_json()
    assert own["waiting_for"]["reason"] == "worker"
    assert rest.get(f"/buckets/{fleet['files']['id']}").get_json()["status"] == "ready"


def test_repeating_a_cascade_gives_the_same_operation(
    rest: Rest, fleet: dict[str, dict[str, Any]]
) -> None:
    first = delete(rest, fleet["net"], "true").get_json()["operation"]["id"]
    count = rest.count(Operation)
    assert delete(rest, fleet["net"], "true").get_json()["operation"]["id"] == first
    assert rest.count(Operation) == count


def test_one_protected_stack_protects_all_of_them(
    rest: Rest, fleet: dict[str, dict[str, Any]]
) -> None:
    rest.set_stack(fleet["a"]["id"], deletion_protection=True)
    count = rest.count(Operation)
    assert look(rest, fleet["net"]).get_json()["is_possible"] is False
    told = problem(delete(rest, fleet["net"], "true"), 409, "deletion_protected")
    assert told["context"]["stacks"] == [{"id": fleet["a"]["id"], "name": "a"}]
    assert rest.count(Operation) == count


@pytest.mark.parametrize("cascade", ["false", "", None])
def test_without_a_cascade_a_used_stack_stays(
    rest: Rest, fleet: dict[str, dict[str, Any]], cascade: str | None
) -> None:
    query = "" if cascade is None else f"?cascade={cascade}"
    path = f"/networks/{fleet['net']['id']}{query}"
    answer = rest.call("DELETE", path, headers={"If-Match": "*"})
    assert answer.status_code == (422 if cascade == "" else 409), answer.text


@pytest.mark.parametrize(
    "query",
    [
        "cascade=yes",
        "cascade=1",
        "cascade=True",
        "cascade=plan",
        "cascade=true&cascade=true",
        "cascde=true",
    ],
)
def test_a_cascade_that_is_misspelt_destroys_nothing(
    rest: Rest, fleet: dict[str, dict[str, Any]], query: str
) -> None:
    count = rest.count(Operation)
    path = f"/networks/{fleet['net']['id']}?{query}"
    problem(rest.call("DELETE", path, headers={"If-Match": "*"}), 422, "validation_failed")
    assert rest.count(Operation) == count


def test_a_stale_version_destroys_nothing(rest: Rest, fleet: dict[str, dict[str, Any]]) -> None:
    count = rest.count(Operation)
    problem(delete(rest, fleet["net"], "true", '"999"'), 412, "precondition_failed")
    assert rest.count(Operation) == count


def test_who_may_only_look_may_plan_but_not_destroy(
    rest: Rest, fleet: dict[str, dict[str, Any]]
) -> None:
    viewer, outsider = rest.as_member("viewer"), rest.as_member(None)
    assert look(viewer, fleet["net"]).status_code == 200
    problem(delete(viewer, fleet["net"], "true"), 403, "permission_denied")
    problem(delete(outsider, fleet["net"], "true"), 404, "not_found")
    problem(look(outsider, fleet["net"]), 404, "not_found")


def test_a_deleted_stack_has_nothing_to_plan(rest: Rest, fleet: dict[str, dict[str, Any]]) -> None:
    files = fleet["files"]
    answer = rest.delete(f"/buckets/{files['id']}", If_Match="*").get_json()
    rest.end(answer["operation"]["id"], "applied", "deleted")
    problem(look(rest, files), 409, "conflict")
