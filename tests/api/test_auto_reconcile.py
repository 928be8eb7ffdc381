"""The setting by which drift is undone without a person, over the API."""

from __future__ import annotations

from typing import Any

import pytest

from app.models import Schedule
from tests.api.rest import Rest, problem
from tests.drifting import change, check

GOOD = {"changes": ["updated"], "per_day": 2}


def shown(rest: Rest, stack: dict[str, Any]) -> Any:
    return rest.get(f"/stacks/{stack['id']}").json["drift"]["auto_reconcile"]


def patch(rest: Rest, stack: dict[str, Any], wanted: Any, **more: Any) -> Any:
    body = {"drift": {"auto_reconcile": wanted, **more}}
    return rest.patch(str(stack["links"]["typed"]), body, If_Match="*")


def next_check(rest: Rest, stack: dict[str, Any]) -> Any:
    with rest.ctx.read() as session:
        return session.get_one(Schedule, stack["id"]).next_check_at


def test_it_is_off_unless_somebody_turns_it_on(rest: Rest, network: dict[str, Any]) -> None:
    assert shown(rest, network) is None
    before = next_check(rest, network)
    answer = patch(rest, network, {"changes": ["updated", "deleted"]})
    assert (answer.status_code, answer.json["operation"]) == (200, None)
    found = {"off_since": None, "off_reason": None, "held_back": None}
    assert shown(rest, network) == {"changes": ["deleted", "updated"], "per_day": 3, **found}
    assert next_check(rest, network) == before, "when it is checked is another matter"
    assert patch(rest, network, None).status_code == 200
    assert shown(rest, network) is None


def test_the_setting_moves_the_etag_and_needs_one(rest: Rest, network: dict[str, Any]) -> None:
    path = str(network["links"]["typed"])
    etag = rest.get(path).headers["ETag"]
    body = {"drift": {"auto_reconcile": GOOD}}
    problem(rest.patch(path, body), 428, "precondition_required")
    assert rest.patch(path, body, If_Match=etag).headers["ETag"] != etag
    problem(rest.patch(path, body, If_Match=etag), 412, "precondition_failed")


def test_a_new_stack_can_have_it_from_the_start(rest: Rest) -> None:
    made = rest.made("networks", "web", drift={"auto_reconcile": GOOD, "interval_seconds": 600})
    assert shown(rest, made)["per_day"] == 2


def test_it_says_why_a_drift_is_left_to_people(rest: Rest, network: dict[str, Any]) -> None:
    patch(rest, network, GOOD)
    with rest.ctx.read() as session:
        stack = session.get_one(Schedule, network["id"]).stack
    check(rest.ctx, stack, change("deleted"))
    assert "deleted" in shown(rest, network)["held_back"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"changes": []},
        {"changes": ["created"]},
        {"changes": ["destroyed"]},
        {"changes": "updated"},
        {"changes": [None]},
        {"changes": ["updated"] * 3},
        {"changes": ["updated"], "per_day": 0},
        {"changes": ["updated"], "per_day": 25},
        {"changes": ["updated"], "per_day": "3"},
        {"changes": ["updated"], "per_day": 1.5},
        {"changes": ["updated"], "off_since": None},
        [],
        "updated",
        True,
    ],
)
def test_what_is_no_such_setting_is_refused(
    rest: Rest, network: dict[str, Any], wanted: Any
) -> None:
    problem(patch(rest, network, wanted), 422, "validation_failed")
    assert shown(rest, network) is None
