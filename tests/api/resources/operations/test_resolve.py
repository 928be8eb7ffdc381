"""Deciding about interrupted operations, and killing what does not stop, over REST."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.rest import Rest, pointers, problem
from tests.sandbox_cloud import Cloud, connect

ORPHAN = {
    "address": "sandbox_network.this",
    "type": "sandbox_network",
    "id": "net_1",
    "reason": "its creation began, its end was not seen",
}


@pytest.fixture
def interrupted(rest: Rest, cloud: Cloud) -> str:
    """An interrupted apply with one orphan that is fully known."""
    connect(rest.ctx, cloud)
    made = rest.create("networks", "web")
    operation_id: str = made["operation"]["id"]
    rest.end(operation_id, "interrupted", "needs_attention")
    rest.set_operation(operation_id, possibly_orphaned=[ORPHAN], has_applied=True)
    return f"/operations/{operation_id}"


@pytest.mark.parametrize("action", ["retry", "adopt"])
def test_what_follows_is_queued_and_waits_for_approval(
    rest: Rest, interrupted: str, action: str
) -> None:
    assert rest.get(interrupted).json["links"]["resolve"].endswith("/resolve")
    answer = rest.post(f"{interrupted}/resolve", {"action": action})
    assert answer.status_code == 202
    following = answer.json["following"]
    assert answer.headers["Location"] == f"/api/v1/operations/{following['id']}"
    assert (following["type"], following["status"]) == ("apply", "pending")
    resolution = rest.get(interrupted).json["resolution"]
    assert (resolution["action"], resolution["by"]) == (action, "admin")
    assert resolution["operation_id"] == following["id"]
    assert "resolve" not in rest.get(interrupted).json["links"]


def test_accepting_queues_nothing(rest: Rest, interrupted: str) -> None:
    answer = rest.post(f"{interrupted}/resolve", {"action": "accept"})
    assert (answer.status_code, answer.json["following"]) == (200, None)


def test_a_repeated_decision_gives_the_same_answer_only_with_its_key(
    rest: Rest, interrupted: str
) -> None:
    first = rest.post(f"{interrupted}/resolve", {"action": "retry"}, Idempotency_Key="r-1")
    again = rest.post(f"{interrupted}/resolve", {"action": "retry"}, Idempotency_Key="r-1")
    assert again.json == first.json
    problem(rest.post(f"{interrupted}/resolve", {"action": "accept"}), 409, "operation_state")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/action"),
        ({"action": "forget"}, "/action"),
        ({"action": "retry", "imports": [{"address": "a.b", "id": "x"}]}, "/imports"),
        ({"action": "adopt", "imports": [{"address": "a.b"}]}, "/imports/0/id"),
        ({"action": "adopt", "imports": [{"address": "${x}", "id": "x"}]}, "/imports/0/address"),
        ({"action": "adopt", "imports": [{"address": "a.b", "id": "${file(1)}"}]}, "/imports/0/id"),
        ({"action": "adopt", "imports": "all"}, "/imports"),
        ({"action": "adopt", "import": []}, "/import"),
    ],
)
def test_a_bad_decision_is_refused_with_its_pointer(
    rest: Rest, interrupted: str, body: dict[str, Any], pointer: str
) -> None:
    found = problem(rest.post(f"{interrupted}/resolve", body), 422, "validation_failed")
    assert pointers(found) == [pointer]
    assert rest.get(interrupted).json["resolution"] is None


def test_only_an_interrupted_operation_is_resolved(rest: Rest, network: dict[str, Any]) -> None:
    operations = rest.get(f"/stacks/{network['id']}/operations").json["items"]
    path = f"/operations/{operations[0]['id']}/resolve"
    problem(rest.post(path, {"action": "retry"}), 409, "operation_state")


def test_a_viewer_decides_nothing(rest: Rest, interrupted: str) -> None:
    viewer = rest.as_member("viewer")
    problem(viewer.post(f"{interrupted}/resolve", {"action": "accept"}), 403, "permission_denied")
    outsider = rest.as_member(None)
    problem(outsider.post(f"{interrupted}/resolve", {"action": "accept"}), 404, "not_found")


def test_a_kill_needs_a_cancel_first_and_the_grace_period_to_be_over(rest: Rest) -> None:
    made = rest.create("networks", "web")
    operation_id = made["operation"]["id"]
    path = f"/operations/{operation_id}/cancel"
    problem(rest.post(path, {"force": True}), 409, "operation_state")
    rest.set_operation(operation_id, status="applying")
    assert rest.post(path).json["status"] == "canceling"
    found = problem(rest.post(path, {"force": True}), 409, "operation_state")
    assert "until" in found["detail"]
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    rest.set_operation(operation_id, cancel_requested_at=long_ago)
    assert rest.post(path, {"force": True}).status_code == 202


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"type": "apply", "targets": ["x"]}, "/targets/0"),
        ({"type": "plan", "replace": ["a.b", "-x"]}, "/replace/1"),
        ({"type": "apply", "targets": "a.b"}, "/targets"),
        ({"type": "apply", "targets": [1]}, "/targets/0"),
        ({"type": "apply", "targets": ["a.b"] * 51}, "/targets"),
    ],
)
def test_targets_must_be_addresses(
    rest: Rest, network: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    path = f"/stacks/{network['id']}/operations"
    assert pointer in pointers(problem(rest.post(path, body), 422, "validation_failed"))


def test_a_drift_check_takes_no_targets(rest: Rest, network: dict[str, Any]) -> None:
    body = {"type": "drift_check", "targets": ["a.b"]}
    problem(rest.post(f"/stacks/{network['id']}/operations", body), 422, "validation_failed")
