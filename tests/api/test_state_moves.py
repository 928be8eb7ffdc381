"""Asking for a state to be moved: who may, what is refused, and what is told about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.models import AuditEvent
from tests.api.rest import Rest, pointers, problem

# Nothing asks this bucket for anything: moves are only queued here.
BUCKET = {"state_s3_bucket": "states", "state_s3_region": "eu-west-1"}


@pytest.fixture
def rest(make_app: Callable[..., Flask]) -> Rest:
    """The administrator of a Landform that has a state bucket."""
    return Rest(make_app(**BUCKET))


def move(rest: Rest, stack: dict[str, Any], **body: Any) -> Any:
    return rest.post(f"/stacks/{stack['id']}/operations", {"type": "move_state", **body})


def test_a_move_is_queued_audited_and_shown(rest: Rest, network: dict[str, Any]) -> None:
    assert rest.get(f"/stacks/{network['id']}").json["state_backend"] == "volume"
    answer = move(rest, network, state_backend="s3")
    assert answer.status_code == 202, answer.text
    operation = answer.json["operation"]
    assert (operation["type"], operation["status"]) == ("move_state", "pending")
    assert answer.json["stack"]["state_backend"] == "volume", "nothing has happened yet"
    with rest.ctx.read() as session:
        (event,) = session.query(AuditEvent).filter_by(action="state.move").all()
    assert event.detail["source"] == "volume"
    assert event.detail["target"] == "s3"
    assert event.detail["operation_id"] == operation["id"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/state_backend"),
        ({"state_backend": "floppy"}, "/state_backend"),
        ({"state_backend": ""}, "/state_backend"),
        ({"state_backend": None}, "/state_backend"),
        ({"state_backend": "s3", "serial": 1}, "/serial"),
        ({"state_backend": "s3", "report_id": "dr_1"}, "/report_id"),
        ({"state_backend": "s3", "bucket": "other"}, "/bucket"),
    ],
)
def test_what_is_no_place_is_refused(
    rest: Rest, network: dict[str, Any], body: dict[str, Any], pointer: str
) -> None:
    assert pointers(problem(move(rest, network, **body), 422, "validation_failed")) == [pointer]


@pytest.mark.parametrize("kind", ["apply", "plan", "destroy", "drift_check"])
def test_other_operations_take_no_place(rest: Rest, network: dict[str, Any], kind: str) -> None:
    body = {"type": kind, "state_backend": "s3"}
    answer = rest.post(f"/stacks/{network['id']}/operations", body)
    assert pointers(problem(answer, 422, "validation_failed")) == ["/state_backend"]


@pytest.mark.parametrize(
    ("role", "status", "code"),
    [
        ("viewer", 403, "permission_denied"),
        ("operator", 403, "permission_denied"),
        (None, 404, "not_found"),
    ],
)
def test_only_an_administrator_moves(
    rest: Rest, network: dict[str, Any], role: str | None, status: int, code: str
) -> None:
    problem(move(rest.as_member(role), network, state_backend="s3"), status, code)


def test_without_a_bucket_the_setting_is_named(
    make_app: Callable[..., Flask],
) -> None:
    rest = Rest(make_app())
    network = rest.made("networks", "net")
    told = problem(move(rest, network, state_backend="s3"), 422, "validation_failed")
    assert "LANDFORM_STATE_S3_BUCKET" in told["errors"][0]["message"]


def test_a_stack_that_is_about_to_go_is_not_moved(rest: Rest, network: dict[str, Any]) -> None:
    rest.post(f"/stacks/{network['id']}/operations", {"type": "destroy"})
    problem(move(rest, network, state_backend="s3"), 409, "conflict")
