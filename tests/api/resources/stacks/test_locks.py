"""People lock stacks: what changes one waits, another's lock needs a right, all is audited."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import pytest

from app.models import AuditEvent
from app.terraform.identity import ProcessIdentity
from tests.api.rest import Rest, pointers, problem

REASON = {"reason": "moving it"}


def lock(rest: Rest, stack_id: str, reason: str = "moving it") -> dict[str, Any]:
    answer = rest.call("PUT", f"/stacks/{stack_id}/lock", json={"reason": reason})
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def unlock(rest: Rest, stack_id: str, etag: str = "*") -> Any:
    return rest.delete(f"/stacks/{stack_id}/lock", If_Match=etag)


def acts(rest: Rest, action: str) -> list[AuditEvent]:
    with rest.ctx.read() as session:
        return session.query(AuditEvent).filter_by(action=action).all()


def waits(rest: Rest, operation_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = rest.get(f"/operations/{operation_id}").json["waiting_for"]
    return shown


def start(rest: Rest, stack_id: str, kind: str) -> str:
    answer = rest.post(f"/stacks/{stack_id}/operations", {"type": kind})
    assert answer.status_code == 202, answer.text
    return str(answer.json["operation"]["id"])


def test_a_stack_without_a_lock_says_so(rest: Rest, network: dict[str, Any]) -> None:
    body = rest.get(f"/stacks/{network['id']}/lock").json
    assert body == {
        "locked": False,
        "holder": None,
        "reason": None,
        "since": None,
        "writer": {
            "verdict": "free",
            "detail": "Nothing writes to this stack.",
            "operation_id": None,
        },
    }


def test_a_lock_tells_holder_reason_and_since_to_whoever_sees_the_stack(
    rest: Rest, network: dict[str, Any]
) -> None:
    operator = rest.as_member("operator")
    given = lock(operator, network["id"])
    assert (given["locked"], given["holder"], given["reason"]) == (True, operator.user, "moving it")
    assert given["since"] is not None
    assert rest.as_member("viewer").get(f"/stacks/{network['id']}/lock").json == given
    (act,) = acts(rest, "stack.lock")
    assert (act.actor, act.object_id, act.detail["reason"]) == (
        operator.user,
        network["id"],
        "moving it",
    )


def test_the_holder_may_give_another_reason_and_keeps_since(
    rest: Rest, network: dict[str, Any]
) -> None:
    first = lock(rest, network["id"])
    second = lock(rest, network["id"], "still moving it")
    assert (second["since"], second["reason"]) == (first["since"], "still moving it")


def test_a_lock_of_another_cannot_be_taken_over(rest: Rest, network: dict[str, Any]) -> None:
    lock(rest.as_member("operator"), network["id"])
    answer = rest.call("PUT", f"/stacks/{network['id']}/lock", json=REASON)
    told = problem(answer, 409, "stack_locked")
    assert told["context"] == {"holder": "operator-1"}


def test_what_changes_a_locked_stack_waits_and_says_for_whom(
    rest: Rest, network: dict[str, Any]
) -> None:
    lock(rest, network["id"])
    apply, destroy = (start(rest, network["id"], kind) for kind in ("apply", "destroy"))
    plan, drift = (start(rest, network["id"], kind) for kind in ("plan", "drift_check"))
    for operation_id in (apply, destroy):
        told = waits(rest, operation_id)
        assert (told["reason"], told["holder"]) == ("lock", "admin")
        assert told["detail"] == "admin has locked the stack: moving it"
        assert told["since"] is not None
    assert waits(rest, plan)["reason"] == "worker", "a plan only looks"
    assert waits(rest, drift) == {
        "reason": "operation",
        "operation_id": plan,
        "detail": "An earlier plan of this stack is queued.",
    }
    assert unlock(rest, network["id"]).status_code == 200
    assert waits(rest, apply)["reason"] == "worker"
    assert waits(rest, plan)["operation_id"] == apply


def test_an_approved_plan_waits_for_the_lock_too(rest: Rest, network: dict[str, Any]) -> None:
    operation_id = start(rest, network["id"], "apply")
    rest.set_operation(operation_id, status="planned", generation=1)
    lock(rest, network["id"])
    assert waits(rest, operation_id)["reason"] == "approval"
    answer = rest.post(f"/operations/{operation_id}/approve")
    assert answer.status_code == 202, answer.text
    assert waits(rest, operation_id)["reason"] == "lock"
    unlock(rest, network["id"])
    assert rest.get(f"/operations/{operation_id}").json["waiting_for"] is None


def test_a_lock_stops_no_reading_and_no_change_of_what_is_wanted(
    rest: Rest, network: dict[str, Any]
) -> None:
    lock(rest.as_member("operator"), network["id"])
    answer = rest.patch(f"/networks/{network['id']}", {"parameters": {"zones": 3}}, If_Match="*")
    assert answer.status_code == 202
    assert waits(rest, answer.json["operation"]["id"])["reason"] == "lock"


def test_unlocking_needs_the_etag_of_the_lock_that_was_seen(
    rest: Rest, network: dict[str, Any]
) -> None:
    path = f"/stacks/{network['id']}/lock"
    lock(rest, network["id"])
    old = rest.get(path).headers["ETag"]
    problem(rest.delete(path), 428, "precondition_required")
    problem(unlock(rest, network["id"], '"1"'), 412, "precondition_failed")
    problem(unlock(rest, network["id"], "nonsense"), 412, "precondition_failed")
    assert unlock(rest, network["id"], old).json["locked"] is False
    lock(rest, network["id"])
    problem(unlock(rest, network["id"], old), 412, "precondition_failed")
    assert rest.get(path).json["locked"] is True


def test_unlocking_what_is_not_locked_is_said(rest: Rest, network: dict[str, Any]) -> None:
    problem(unlock(rest, network["id"]), 404, "not_found")


def test_another_ones_lock_is_taken_away_by_an_administrator_only(
    rest: Rest, network: dict[str, Any]
) -> None:
    holder, other = rest.as_member("operator"), rest.as_member("operator")
    lock(holder, network["id"])
    told = problem(unlock(other, network["id"]), 403, "permission_denied")
    assert "lock:force" in told["detail"]
    assert rest.get(f"/stacks/{network['id']}/lock").json["locked"] is True
    assert acts(rest, "stack.unlock_force") == []
    chief = rest.as_member("admin")
    assert unlock(chief, network["id"]).status_code == 200
    (act,) = acts(rest, "stack.unlock_force")
    assert (act.actor, act.detail["holder"]) == (chief.user, holder.user)


def test_ones_own_lock_is_taken_away_without_force(rest: Rest, network: dict[str, Any]) -> None:
    holder = rest.as_member("operator")
    lock(holder, network["id"])
    assert unlock(holder, network["id"]).status_code == 200
    assert len(acts(rest, "stack.unlock")) == 1
    assert acts(rest, "stack.unlock_force") == []


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_viewer_and_a_outsider_lock_nothing(
    rest: Rest, network: dict[str, Any], method: str
) -> None:
    options: dict[str, Any] = {"json": REASON} if method == "PUT" else {}
    for role, status, code in (("viewer", 403, "permission_denied"), (None, 404, "not_found")):
        answer = rest.as_member(role).call(
            method, f"/stacks/{network['id']}/lock", headers={"If-Match": "*"}, **options
        )
        problem(answer, status, code)
    problem(
        rest.call(method, "/stacks/stk_none/lock", headers={"If-Match": "*"}, **options),
        404,
        "not_found",
    )


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/reason"),
        ({"reason": ""}, "/reason"),
        ({"reason": " \n\t"}, "/reason"),
        ({"reason": "x" * 501}, "/reason"),
        ({"reason": None}, "/reason"),
        ({"reason": 7}, "/reason"),
        ({"reason": "nul \x00"}, "/reason"),
        ({"reason": "x", "holder": "someone"}, "/holder"),
        ({"reason": "x", "since": "2020-01-01T00:00:00Z"}, "/since"),
    ],
)
def test_a_lock_without_a_good_reason_is_refused(
    rest: Rest, network: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    answer = rest.call("PUT", f"/stacks/{network['id']}/lock", json=body)
    assert pointers(problem(answer, 422, "validation_failed")) == [pointer]
    assert rest.get(f"/stacks/{network['id']}/lock").json["locked"] is False


def test_a_deleted_stack_cannot_be_locked(rest: Rest, network: dict[str, Any]) -> None:
    rest.end(start(rest, network["id"], "destroy"), stack_status="deleted")
    problem(rest.call("PUT", f"/stacks/{network['id']}/lock", json=REASON), 409, "conflict")


def test_a_lock_survives_a_restart(rest: Rest, network: dict[str, Any], make_app: Any) -> None:
    given = lock(rest, network["id"])
    again = Rest(make_app())
    assert again.get(f"/stacks/{network['id']}/lock").json == given


def test_the_writer_is_told_live_orphaned_or_on_another_host(
    rest: Rest, network: dict[str, Any]
) -> None:
    path = f"/stacks/{network['id']}/lock"
    operation_id = start(rest, network["id"], "apply")
    here = ProcessIdentity.of(os.getpid())
    for process, verdict in (
        (here, "live"),
        (replace(here, start_time=here.start_time - 1), "orphaned"),
        (replace(here, boot_id="earlier"), "unknown"),
        (replace(here, pid_namespace="pid:[1]"), "unknown"),
        (replace(here, host="elsewhere", boot_id="theirs"), "unknown"),
    ):
        rest.set_operation(operation_id, status="applying", owner_process=process.to_dict())
        writer = rest.get(path).json["writer"]
        assert (writer["verdict"], writer["operation_id"]) == (verdict, operation_id)


def test_a_writers_lock_without_an_operation_is_orphaned(
    rest: Rest, network: dict[str, Any]
) -> None:
    path = f"/stacks/{network['id']}/lock"
    with rest.ctx.state_store(network["id"]).hold(network["id"], 0):
        writer = rest.get(path).json["writer"]
        assert (writer["verdict"], writer["operation_id"]) == ("orphaned", None)
    assert rest.get(path).json["writer"]["verdict"] == "free"


def test_a_lock_can_be_read_while_the_volume_is_away(rest: Rest, network: dict[str, Any]) -> None:
    lock(rest, network["id"])
    state_root = rest.ctx.settings.state_dir
    state_root.rename(state_root.with_name("unmounted"))
    body = rest.get(f"/stacks/{network['id']}/lock").json
    assert (body["locked"], body["writer"]["verdict"]) == (True, "unknown")
    assert unlock(rest, network["id"]).status_code == 200
