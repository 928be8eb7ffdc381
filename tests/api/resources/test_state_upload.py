"""A state that was made elsewhere is taken in: checked, audited, and shown in a plan first."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.models import AuditEvent, Operation, StateVersion
from app.web.request_limits import MAX_STATE_BYTES
from tests.api import states
from tests.api.rest import Rest, pointers, problem
from tests.api.states import keep_state
from tests.sandbox_cloud import Cloud, connect

CANARY = "canary-93de"
state_bytes = partial(states.state_bytes, type_="sandbox_network")
FIRST = state_bytes(3, {"a": CANARY})


@pytest.fixture
def network(network: dict[str, Any], rest: Rest, cloud: Cloud) -> dict[str, Any]:
    """A network whose cloud can be asked."""
    connect(rest.ctx, cloud)
    return network


def upload(rest: Rest, stack_id: str, data: bytes = FIRST, **headers: str) -> TestResponse:
    sent = {
        "Content-Type": "application/json",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    return rest.call("PUT", f"/stacks/{stack_id}/state", data=data, headers=sent)


def versions(rest: Rest, stack_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = rest.get(f"/stacks/{stack_id}/state-versions").json["items"]
    return found


def test_the_first_state_of_a_stack_is_kept_and_a_plan_is_queued(
    rest: Rest, network: dict[str, Any]
) -> None:
    chief = rest.as_member("admin")
    answer = upload(chief, network["id"])
    assert answer.status_code == 202, answer.text
    operation = answer.json["operation"]
    assert (operation["type"], operation["status"]) == ("plan", "pending")
    assert answer.headers["Location"] == f"/api/v1/operations/{operation['id']}"
    (version,) = versions(rest, network["id"])
    assert (version["serial"], version["created_by"]) == (3, chief.user)
    assert (version["operation_id"], version["size_bytes"]) == (operation["id"], len(FIRST))
    assert rest.get(f"/stacks/{network['id']}/state-versions/3/download").data == FIRST
    with rest.ctx.read() as session:
        (act,) = session.query(AuditEvent).filter_by(action="state_version.upload").all()
    assert (act.actor, act.object_id, act.detail["serial"]) == (chief.user, network["id"], 3)
    assert CANARY not in json.dumps(act.detail)


def test_a_higher_serial_of_the_same_lineage_follows(rest: Rest, network: dict[str, Any]) -> None:
    assert upload(rest, network["id"]).status_code == 202
    assert upload(rest, network["id"], state_bytes(9, {})).status_code == 202
    assert [item["serial"] for item in versions(rest, network["id"])] == [9, 3]


def test_the_same_bytes_again_change_nothing_and_plan_again(
    rest: Rest, network: dict[str, Any]
) -> None:
    first, second = (upload(rest, network["id"]).json["operation"]["id"] for _ in range(2))
    assert first != second
    assert [item["serial"] for item in versions(rest, network["id"])] == [3]


def test_the_same_key_uploads_once(rest: Rest, network: dict[str, Any]) -> None:
    one = upload(rest, network["id"], Idempotency_Key="k")
    again = upload(rest, network["id"], Idempotency_Key="k")
    assert again.json == one.json
    assert again.headers["Idempotent-Replayed"] == "true"
    other = upload(rest, network["id"], state_bytes(4, {}), Idempotency_Key="k")
    problem(other, 422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (state_bytes(2, {}), "state_serial_regressed"),
        (state_bytes(3, {"a": "another"}), "state_serial_regressed"),
        (state_bytes(9, {}, lineage="another"), "state_lineage_mismatch"),
    ],
)
def test_a_state_that_does_not_follow_is_refused(
    rest: Rest, network: dict[str, Any], data: bytes, code: str
) -> None:
    keep_state(rest, network["id"], FIRST)
    before = rest.count(Operation)
    problem(upload(rest, network["id"], data), 409, code)
    assert [item["serial"] for item in versions(rest, network["id"])] == [3]
    assert rest.count(Operation) == before


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"not json",
        b"\x00" * 100,
        b"[" * 100_000,
        FIRST[:-30],
        b"\xff" + FIRST,
        state_bytes(3, {}, version=3),
        state_bytes(3, {}, serial="3"),
        state_bytes(3, {}, serial=-1),
        state_bytes(3, {}, serial=2**53 + 1),
        state_bytes(3, {}, serial=2**70),
        state_bytes(3, {}, lineage=""),
        state_bytes(3, {}, lineage="x" * 65),
        state_bytes(3, {}, lineage="a\x00b"),
        state_bytes(3, {}, lineage="a\nb"),
        state_bytes(3, {}, lineage="\ud800"),
        state_bytes(3, {}, terraform_version="1" * 33),
        state_bytes(3, {}, terraform_version="1\x00"),
        state_bytes(3, {}, resources="x"),
        state_bytes(3, {}, resources=[{"mode": "managed"}]),
        state_bytes(3, {}, outputs=[1]),
    ],
)
def test_what_is_no_state_is_refused_and_leaves_nothing(reader: Rest, data: bytes) -> None:
    network_id = reader.get("/stacks").json["items"][0]["id"]
    before = reader.count(Operation)
    told = problem(upload(reader, network_id, data), 422, "validation_failed")
    assert len(pointers(told)) == 1
    assert versions(reader, network_id) == []
    assert reader.count(Operation) == before


def test_a_state_above_one_mebibyte_is_taken_and_above_the_limit_refused(
    rest: Rest, network: dict[str, Any]
) -> None:
    large = state_bytes(3, {"a": "x" * 2_000_000})
    assert upload(rest, network["id"], large).status_code == 202
    padded = state_bytes(4, {}) + b" " * MAX_STATE_BYTES
    told = problem(upload(rest, network["id"], padded), 413, "body_too_large")
    assert "16 MiB" in told["advice"]
    assert [item["serial"] for item in versions(rest, network["id"])] == [3]
    problem(rest.post("/networks", {"name": "x" * 2_000_000}), 413, "body_too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", ""])
def test_another_content_type_is_refused(
    rest: Rest, network: dict[str, Any], content_type: str
) -> None:
    answer = upload(rest, network["id"], Content_Type=content_type)
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [
        ("viewer", 403, "permission_denied"),
        ("operator", 403, "permission_denied"),
        (None, 404, "not_found"),
    ],
)
def test_only_an_administrator_uploads(
    rest: Rest, network: dict[str, Any], role: str | None, status: int, code: str
) -> None:
    problem(upload(rest.as_member(role), network["id"]), status, code)
    assert rest.count(StateVersion) == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "pending"},
        {"status": "planned"},
        {"status": "applying"},
        {"status": "interrupted", "has_unsaved_state": True},
    ],
)
def test_a_stack_that_an_operation_works_on_takes_no_state(
    rest: Rest, network: dict[str, Any], columns: dict[str, Any]
) -> None:
    started = rest.post(f"/stacks/{network['id']}/operations", {"type": "apply"}).json
    rest.set_operation(started["operation"]["id"], **columns)
    told = problem(upload(rest, network["id"]), 409, "stack_held")
    assert told["context"] == {"operation_id": started["operation"]["id"]}
    assert versions(rest, network["id"]) == []


def test_a_queued_look_is_no_hindrance(rest: Rest, network: dict[str, Any]) -> None:
    rest.post(f"/stacks/{network['id']}/operations", {"type": "drift_check"})
    assert upload(rest, network["id"]).status_code == 202


def test_a_running_terraform_keeps_an_upload_out(rest: Rest, network: dict[str, Any]) -> None:
    with rest.ctx.state_store(network["id"]).hold(network["id"], 0):
        problem(upload(rest, network["id"]), 409, "stack_busy")
    assert upload(rest, network["id"]).status_code == 202


def test_a_locked_stack_takes_a_state_from_its_holder_only(
    rest: Rest, network: dict[str, Any]
) -> None:
    holder = rest.as_member("admin")
    holder.call("PUT", f"/stacks/{network['id']}/lock", json={"reason": "moving it"})
    problem(upload(rest, network["id"]), 409, "stack_locked")
    assert upload(holder, network["id"]).status_code == 202


def test_a_deleted_or_missing_stack_takes_no_state(rest: Rest, network: dict[str, Any]) -> None:
    problem(upload(rest, "stk_none"), 404, "not_found")
    rest.set_stack(network["id"], status="deleted")
    problem(upload(rest, network["id"]), 409, "conflict")


def test_without_the_volume_nothing_is_taken(rest: Rest, network: dict[str, Any]) -> None:
    root = rest.ctx.settings.state_dir
    root.rename(root.with_name("unmounted"))
    before = rest.count(Operation)
    problem(upload(rest, network["id"]), 503, "volume_missing")
    root.with_name("unmounted").rename(root)
    assert rest.count(Operation) == before
    assert upload(rest, network["id"]).status_code == 202


def test_a_damaged_present_state_is_not_uploaded_over(rest: Rest, network: dict[str, Any]) -> None:
    keep_state(rest, network["id"], FIRST)
    folder = rest.ctx.settings.state_dir / "stacks" / network["id"] / "versions"
    (path,) = folder.glob("3-*.tfstate")
    path.write_bytes(b"")
    problem(upload(rest, network["id"], state_bytes(4, {})), 409, "state_corrupt")
