"""While an interruption is not resolved, nothing is accepted that could change its stack."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.clock import utc_now
from app.domain.operation_registry import types_where
from app.errors import ConflictError
from app.models import Operation, Stack
from app.services.access import SYSTEM_PRINCIPAL
from app.services.queue.interruptions import unresolved_of
from app.services.queue.order import add_operation, next_in_line
from app.services.stacks.expiry import end_expired
from tests.api.rest import Rest, pointers, problem
from tests.sandbox_cloud import Cloud, connect

ORPHAN = {
    "address": "sandbox_network.this",
    "type": "sandbox_network",
    "id": "net_1",
    "reason": "its creation began, its end was not seen",
}


def interrupt(rest: Rest, operation_id: str, **columns: Any) -> None:
    """Give an operation the end of one that was interrupted and left an orphan."""
    rest.end(operation_id, "interrupted", "needs_attention")
    found = {"possibly_orphaned": [ORPHAN], "orphans_searched_at": utc_now(), **columns}
    rest.set_operation(operation_id, has_applied=True, holds_back=True, **found)


@pytest.fixture
def held(rest: Rest) -> dict[str, Any]:
    """A stack whose apply was interrupted with one orphan; ``operation`` is that apply."""
    made = rest.create("networks", "web")
    interrupt(rest, made["operation"]["id"])
    return made


@pytest.mark.parametrize("kind", types_where(lambda facts: facts.may_mutate))
def test_no_type_of_operation_that_can_change_the_stack_is_queued(
    rest: Rest, held: dict[str, Any], kind: str
) -> None:
    with rest.ctx.write() as session:
        stack = session.get_one(Stack, held["stack"]["id"])
        with pytest.raises(ConflictError) as refused:
            add_operation(session, stack, kind, SYSTEM_PRINCIPAL)
    assert refused.value.code == "orphans_unresolved"
    assert held["operation"]["id"] in refused.value.detail


def test_looking_is_let_through(rest: Rest, held: dict[str, Any]) -> None:
    path = f"/stacks/{held['stack']['id']}/operations"
    for kind in ("plan", "drift_check"):
        assert rest.post(path, {"type": kind}).status_code == 202


def test_a_cascade_is_refused_as_a_whole(rest: Rest) -> None:
    network = rest.made("networks", "net")
    user = rest.create("machine-groups", "users", parameters={"network": "net"})
    interrupt(rest, user["operation"]["id"])
    before = rest.count(Operation)
    refused = rest.delete(f"/networks/{network['id']}?cascade=true", If_Match="*")
    problem(refused, 409, "orphans_unresolved")
    assert rest.count(Operation) == before


def test_an_expired_stack_waits_for_its_resolution(rest: Rest, held: dict[str, Any]) -> None:
    rest.set_stack(held["stack"]["id"], expires_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert end_expired(rest.ctx) == 0
    rest.set_operation(held["operation"]["id"], holds_back=False)
    assert end_expired(rest.ctx) == 1


def test_what_was_queued_before_waits_and_goes_on_after_an_acceptance(rest: Rest) -> None:
    made = rest.create("networks", "web")
    path = f"/stacks/{made['stack']['id']}/operations"
    queued = rest.post(path, {"type": "apply"}).get_json()["operation"]
    interrupt(rest, made["operation"]["id"])
    waits = rest.get(f"/operations/{queued['id']}").get_json()["waiting_for"]
    assert (waits["reason"], waits["operation_id"]) == ("orphans", made["operation"]["id"])
    assert "1 resource" in waits["detail"]
    with rest.ctx.read() as session:
        assert next_in_line(session, made["stack"]["id"]) is None
    resolved = rest.post(f"/operations/{made['operation']['id']}/resolve", {"action": "accept"})
    assert resolved.status_code == 200
    with rest.ctx.read() as session:
        following = next_in_line(session, made["stack"]["id"])
        assert following is not None
        assert following.id == queued["id"]


def test_only_what_the_decision_queued_passes(
    rest: Rest, cloud: Cloud, held: dict[str, Any]
) -> None:
    connect(rest.ctx, cloud)
    stack_id, path = held["stack"]["id"], f"/operations/{held['operation']['id']}/resolve"
    following = rest.post(path, {"action": "retry"}).get_json()["following"]
    with rest.ctx.read() as session:
        first = next_in_line(session, stack_id)
        assert first is not None
        assert (first.id, first.options["imports"]) == (
            following["id"],
            [{"to": ORPHAN["address"], "id": ORPHAN["id"]}],
        )
        assert unresolved_of(session, stack_id) is not None
    refused = rest.post(f"/stacks/{stack_id}/operations", {"type": "apply"})
    problem(refused, 409, "orphans_unresolved")
    assert rest.post(f"/operations/{following['id']}/cancel").status_code == 202
    shown = rest.get(f"/operations/{held['operation']['id']}").get_json()
    assert (shown["unresolved"], shown["resolution"]) == (True, None), "it is decided anew"


@pytest.mark.parametrize(
    ("columns", "body", "status", "code"),
    [
        ({"orphans_searched_at": None}, {"action": "retry"}, 409, "orphans_unresolved"),
        ({"orphans_searched_at": None}, {"action": "destroy"}, 409, "orphans_unresolved"),
        (
            {"possibly_orphaned": [{**ORPHAN, "address": None}]},
            {"action": "retry"},
            409,
            "orphans_unresolved",
        ),
        (
            {"possibly_orphaned": [ORPHAN, {**ORPHAN, "id": "net_2"}]},
            {"action": "retry"},
            409,
            "orphans_unresolved",
        ),
        ({}, {"action": "retry", "force": True}, 422, "validation_failed"),
        ({}, {"action": "retry", "force": True, "reason": " "}, 422, "validation_failed"),
        ({}, {"action": "adopt", "force": True, "reason": "x"}, 422, "validation_failed"),
        ({}, {"action": "destroy", "force": True, "reason": "x"}, 422, "validation_failed"),
        (
            {"orphans_searched_at": None},
            {"action": "retry", "force": True, "reason": "known to be gone"},
            202,
            None,
        ),
        ({"possibly_orphaned": [{**ORPHAN, "id": None}]}, {"action": "destroy"}, 202, None),
    ],
)
def test_a_decision_that_would_leave_orphans_behind_needs_force_and_a_reason(
    rest: Rest,
    held: dict[str, Any],
    columns: dict[str, Any],
    body: dict[str, Any],
    status: int,
    code: str | None,
) -> None:
    rest.set_operation(held["operation"]["id"], **columns)
    answer = rest.post(f"/operations/{held['operation']['id']}/resolve", body)
    if code is None:
        assert answer.status_code == status, answer.text
    else:
        found = problem(answer, status, code)
        assert set(pointers(found)) <= {"/force", "/reason"}
    is_open = rest.get(f"/operations/{held['operation']['id']}").get_json()["resolution"] is None
    assert is_open == (code is not None)


def test_a_destroy_that_leaves_something_alive_cannot_be_accepted(rest: Rest) -> None:
    made = rest.made("networks", "web")
    path = f"/stacks/{made['id']}/operations"
    destroy = rest.post(path, {"type": "destroy"}).get_json()["operation"]
    interrupt(rest, destroy["id"], error={"code": "resources_left", "detail": "x"})
    resolve = f"/operations/{destroy['id']}/resolve"
    problem(rest.post(resolve, {"action": "accept"}), 409, "orphans_unresolved")
    assert rest.get(f"/stacks/{made['id']}").get_json()["status"] == "needs_attention"


def test_a_person_may_vouch_for_a_cloud_that_is_gone_for_good(rest: Rest) -> None:
    made = rest.made("networks", "web")
    path = f"/stacks/{made['id']}/operations"
    destroy = rest.post(path, {"type": "destroy"}).get_json()["operation"]
    error = {"code": "destroy_unverified", "detail": "x"}
    interrupt(rest, destroy["id"], error=error, possibly_orphaned=[], orphans_searched_at=None)
    resolve = f"/operations/{destroy['id']}/resolve"
    problem(rest.post(resolve, {"action": "accept"}), 422, "validation_failed")
    body = {"action": "accept", "force": True, "reason": "The account was closed."}
    assert rest.post(resolve, body).status_code == 200
    assert rest.get(f"/stacks/{made['id']}").get_json()["status"] == "deleted"


def test_a_newer_interruption_takes_over_what_an_older_one_named(rest: Rest) -> None:
    made = rest.create("networks", "web")
    interrupt(rest, made["operation"]["id"])
    resolve = f"/operations/{made['operation']['id']}/resolve"
    body = {"action": "retry", "force": True, "reason": "a test"}
    following = rest.post(resolve, body).get_json()["following"]
    interrupt(rest, following["id"], ended_at=utc_now() - timedelta(minutes=5))
    shown = problem(rest.post(resolve, {"action": "adopt"}), 409, "operation_state")
    assert "resolved" in shown["detail"]
