"""Policies over the API: sets in versions, checks, history, and what a denial looks like."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app.clock import rfc3339, utc_now
from app.models import Operation, Stack
from tests.api.rest import Rest, problem

REGIONS: dict[str, Any] = {
    "name": "regions",
    "at": ["request"],
    "rule": "stack.region in ['eu-west']",
    "verdict": "deny",
    "message": "{stack.region} is not one of our regions.",
    "tests": [
        {
            "name": "elsewhere",
            "at": "request",
            "expect": "fails",
            "given": {"stack.region": "us-east"},
        }
    ],
}
LABELS = {
    "name": "team",
    "at": ["request"],
    "rule": "'team' in stack.labels",
    "verdict": "needs_approval",
    "message": "{stack.name} has no label team.",
}
ELSEWHERE = {"region": "us-east"}


def make_set(rest: Rest, *policies: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"name": "basics", "enabled": True, "policies": list(policies), **more}
    answer = rest.post("/policies", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def post_network(rest: Rest, name: str = "web", **more: Any) -> Any:
    return rest.post("/networks", {"name": name, "cloud_account": "sandbox", **more})


def test_a_denied_request_leaves_nothing_and_tells_all_that_spoke(rest: Rest) -> None:
    made = make_set(rest, REGIONS, LABELS)
    body = problem(post_network(rest, **ELSEWHERE), 409, "policy_denied")
    assert rest.count(Stack) == rest.count(Operation) == 0
    assert [item["message"] for item in body["errors"]] == [
        "regions: us-east is not one of our regions."
    ]
    spoken = {item["policy"]: item for item in body["context"]["policies"]}
    assert set(spoken) == {"regions", "team"}
    assert (spoken["regions"]["set_id"], spoken["regions"]["version"]) == (made["id"], 1)


def test_what_needs_approval_is_accepted_and_waits_later(rest: Rest) -> None:
    make_set(rest, LABELS)
    answer = post_network(rest)
    assert answer.status_code == 202
    [said] = answer.json["operation"]["policies"]
    assert (said["policy"], said["verdict"]) == ("team", "needs_approval")
    with rest.ctx.read() as session:
        assert session.get_one(Operation, answer.json["operation"]["id"]).requires_approval


def test_a_set_that_is_not_enabled_says_nothing(rest: Rest) -> None:
    make_set(rest, REGIONS, enabled=False)
    answer = post_network(rest, **ELSEWHERE)
    assert answer.status_code == 202
    assert answer.json["operation"]["policies"] == []


def test_changes_and_deletions_are_asked_about_too(rest: Rest) -> None:
    stack = post_network(rest).json["stack"]
    rule = {**LABELS, "verdict": "deny", "rule": "operation.type != 'destroy'", "message": "Kept."}
    make_set(rest, rule)
    answer = rest.delete(f"/networks/{stack['id']}", If_Match="*")
    problem(answer, 409, "policy_denied")
    changed = rest.patch(f"/networks/{stack['id']}", {"parameters": {"zones": 1}}, If_Match="*")
    assert changed.status_code == 202


def test_an_exception_lifts_a_denial_until_it_ends(rest: Rest) -> None:
    make_set(rest, REGIONS)
    wanted = {
        "policy_set": "basics",
        "policy": "regions",
        "project": "default",
        "stack": "web",
        "reason": "a move until March",
    }
    made = rest.post("/policy-overrides", wanted)
    assert made.status_code == 201
    problem(post_network(rest, "other", **ELSEWHERE), 409, "policy_denied")
    answer = post_network(rest, **ELSEWHERE)
    assert answer.status_code == 202
    [said] = answer.json["operation"]["policies"]
    assert (said["verdict"], said["override_id"]) == ("deny", made.json["id"])
    assert rest.delete(f"/policy-overrides/{made.json['id']}").status_code == 204
    stack = answer.json["stack"]["id"]
    again = rest.patch(f"/networks/{stack}", {"parameters": {"zones": 1}}, If_Match="*")
    problem(again, 409, "policy_denied")
    problem(rest.delete(f"/policy-overrides/{made.json['id']}"), 404, "not_found")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"policy_set": "none"}, "/policy_set"),
        ({"policy": "none"}, "/policy"),
        ({"project": "none"}, "/project"),
        ({"reason": " "}, "/reason"),
        ({"expires_at": rfc3339(utc_now() - timedelta(hours=1))}, "/expires_at"),
        ({"expires_at": rfc3339(utc_now() + timedelta(days=91))}, "/expires_at"),
    ],
)
def test_an_exception_is_checked(rest: Rest, change: dict[str, Any], pointer: str) -> None:
    make_set(rest, REGIONS)
    wanted = {"policy_set": "basics", "policy": "regions", "project": "default", "reason": "x"}
    body = problem(rest.post("/policy-overrides", wanted | change), 422, "validation_failed")
    assert [item["pointer"] for item in body["errors"]] == [pointer]


def test_each_change_makes_a_version(rest: Rest) -> None:
    made = make_set(rest, REGIONS)
    path = f"/policies/{made['id']}"
    changed = rest.patch(path, {"policies": [LABELS]}, If_Match='"1"')
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    problem(rest.patch(path, {"enabled": False}, If_Match='"1"'), 412, "precondition_failed")
    versions = rest.get(f"{path}/versions").json["items"]
    assert [(item["version"], item["policies"][0]["name"]) for item in versions] == [
        (2, "team"),
        (1, "regions"),
    ]
    assert rest.get("/policies/basics").json["id"] == made["id"]
    assert rest.delete(path, If_Match='"2"').status_code == 204
    problem(rest.get(path), 404, "not_found")
    actions = [item["action"] for item in rest.get("/audit-events").json["items"]]
    for action in ("policy_set.create", "policy_set.change", "policy_set.delete"):
        assert action in actions


def test_a_name_is_taken_once(rest: Rest) -> None:
    make_set(rest)
    answer = rest.post("/policies", {"name": "basics", "policies": []})
    problem(answer, 409, "name_taken")


@pytest.mark.parametrize(
    ("change", "pointer", "message"),
    [
        ({"rule": "stack.regoin == 'x'"}, "/policies/0/rule", "Line 1, column 6"),
        ({"rule": "1 / 0"}, "/policies/0/rule", "not true or false"),
        ({"rule": "x" * 5000}, "/policies/0/rule", "Length must be between"),
        ({"message": "{nothing}"}, "/policies/0/message", "no fact"),
        ({"when": {"kinds": ["teapot"]}}, "/policies/0/when/kinds/0", "no such thing"),
        (
            {"tests": [{"name": "t", "at": "request", "expect": "fails", "given": {}}]},
            "/policies/0/tests/0",
            "expects otherwise",
        ),
    ],
)
def test_a_policy_that_is_not_acceptable_is_refused(
    rest: Rest, change: dict[str, Any], pointer: str, message: str
) -> None:
    good = {**REGIONS, "rule": "stack.region != 'us-east'", "tests": []}
    answer = rest.post("/policies", {"name": "bad", "policies": [{**good, **change}]})
    errors = {
        item["pointer"]: item["message"]
        for item in problem(answer, 422, "validation_failed")["errors"]
    }
    assert message in errors[pointer]


def test_policies_are_checked_without_being_kept(rest: Rest) -> None:
    wrong = {**REGIONS, "rule": "true"}
    answer = rest.post("/policy-checks", {"policies": [wrong]})
    assert answer.status_code == 200
    assert answer.json["passed"] is False
    assert answer.json["tests"][0] == {
        "policy": "regions",
        "test": "elsewhere",
        "passed": False,
        "expected": "fails",
        "found": "holds",
        "error": None,
    }
    assert rest.get("/policies").json["items"] == []
    made = make_set(rest, REGIONS)
    assert rest.post(f"/policies/{made['id']}/test").json["passed"] is True


def test_who_cannot_see_a_project_is_not_told_its_name(rest: Rest) -> None:
    rest.make_project("hidden")
    secret = {**LABELS, "when": {"projects": ["hidden"]}}
    both = {**LABELS, "name": "both", "when": {"projects": ["hidden", "default"]}}
    make_set(rest, secret, both, REGIONS)
    shown = rest.as_member("viewer").get("/policies/basics").json["policies"]
    assert [item["name"] for item in shown] == ["both", "regions"]
    assert shown[0]["when"]["projects"] == ["default"]
    versions = rest.as_member(None).get("/policies/basics/versions")
    assert "hidden" not in versions.text


def test_a_policy_that_fails_to_evaluate_denies(rest: Rest) -> None:
    broken = {**LABELS, "rule": "stack.labels['team'] == 'a'", "verdict": "warn"}
    make_set(rest, broken)
    body = problem(post_network(rest), 409, "policy_denied")
    assert body["context"]["policies"][0]["broken"] is True
    assert "could not be evaluated" in body["detail"]
    assert post_network(rest, labels={"team": "a"}).status_code == 202


def test_metrics_count_what_followed(rest: Rest) -> None:
    make_set(rest, LABELS)
    assert post_network(rest).status_code == 202
    assert post_network(rest, "other", labels={"team": "a"}).status_code == 202
    text = rest.get("/metrics").text
    assert 'landform_policy_operations{verdict="needs_approval"} 1.0' in text
    assert 'landform_policy_operations{verdict="deny"} 0.0' in text


def test_a_set_is_made_of_the_shipped_pack(rest: Rest) -> None:
    [pack] = rest.get("/policy-packs").json["items"]
    make_set(rest, *pack["policies"])
    body = problem(post_network(rest, **ELSEWHERE), 409, "policy_denied")
    assert {item["policy"] for item in body["context"]["policies"]} == {"regions", "labels"}
    assert post_network(rest, labels={"team": "shop"}).status_code == 202
