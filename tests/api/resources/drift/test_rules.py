"""Rules and acknowledgements over the API: hidden at once, seen again at once, never twice told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import rfc3339, utc_now
from app.models import AuditEvent, DriftRule, Stack
from app.services.drift.rules import uncover_expired
from tests.api.rest import Rest, pointers, problem
from tests.drifting import change, check

RULE = {"project": "default", "reason": "known"}


@pytest.fixture
def stack(rest: Rest, network: dict[str, Any]) -> Stack:
    with rest.ctx.read() as session:
        return session.get_one(Stack, network["id"])


def verdict(rest: Rest, stack: Stack) -> str:
    return str(rest.get(f"/stacks/{stack.id}").json["drift"]["status"])


def finding(rest: Rest, **query: str) -> dict[str, Any]:
    (item,) = rest.get("/drift/findings", **query).json["items"]
    return dict(item)


def test_a_rule_hides_at_once_is_shown_where_it_hides_and_ends_at_once(
    rest: Rest, stack: Stack
) -> None:
    report = check(rest.ctx, stack, change(size=2))
    assert verdict(rest, stack) == "drifted"
    made = rest.post("/drift/rules", {**RULE, "path": "size", "stack": "web"})
    assert made.status_code == 201, made.text
    assert made.json["stack_id"] == stack.id
    assert made.json["owner"] == "admin"
    assert verdict(rest, stack) == "in_sync"
    hidden = finding(rest, hidden="true")["hidden_by"]
    assert hidden["rule_id"] == made.json["id"]
    assert hidden["until"] == made.json["expires_at"]
    shown = rest.get(f"/stacks/{stack.id}/drift-reports/{report.id}").json["changes"][0]
    assert shown["hidden_by"] == hidden
    check(rest.ctx, stack, change(size=2))
    assert verdict(rest, stack) == "in_sync"
    path = f"/drift/rules/{made.json['id']}"
    assert rest.delete(path, If_Match=made.headers["ETag"]).status_code == 204
    assert verdict(rest, stack) == "drifted"
    assert finding(rest)["hidden_by"] is None
    problem(rest.get(path), 404, "not_found")


def test_a_rule_that_expires_hides_nothing_from_then_on(rest: Rest, stack: Stack) -> None:
    check(rest.ctx, stack, change(size=2))
    made = rest.post("/drift/rules", RULE)
    assert verdict(rest, stack) == "in_sync"
    with rest.ctx.write() as session:
        session.get_one(DriftRule, made.json["id"]).expires_at = utc_now()
    assert finding(rest, hidden="false")["hidden_by"] is None, "before anybody has looked"
    assert uncover_expired(rest.ctx) == 1
    assert verdict(rest, stack) == "drifted"
    assert uncover_expired(rest.ctx) == 0
    assert rest.get("/drift/rules", expired="true").json["items"][0]["expired"]


def test_a_rule_can_be_prolonged_but_not_widened(rest: Rest, stack: Stack) -> None:
    made = rest.post("/drift/rules", RULE)
    path, etag = f"/drift/rules/{made.json['id']}", made.headers["ETag"]
    until = rfc3339(utc_now() + timedelta(days=200))
    changed = rest.patch(path, {"expires_at": until, "owner": "ops"}, If_Match=etag)
    assert (changed.status_code, changed.json["owner"]) == (200, "ops")
    problem(rest.patch(path, {"owner": "me"}, If_Match=etag), 412, "precondition_failed")
    wider = rest.patch(path, {"path": "*"}, If_Match="*")
    assert pointers(problem(wider, 422, "validation_failed")) == ["/path"]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2990-01-01T00:00:00Z"}, "/expires_at"),
        ({"stack": "nothing"}, "/stack"),
        ({"project": "nothing"}, "/project"),
        ({"reason": "  "}, "/reason"),
        ({"path": "*" * 201}, "/path"),
        ({"change": "moved"}, "/change"),
    ],
)
def test_what_makes_no_sense_in_a_rule_is_refused(
    rest: Rest, more: dict[str, str], pointer: str
) -> None:
    bad = problem(rest.post("/drift/rules", {**RULE, **more}), 422, "validation_failed")
    assert pointers(bad) == [pointer]


def test_a_finding_is_acknowledged_and_that_is_taken_back(rest: Rest, stack: Stack) -> None:
    check(rest.ctx, stack, change(size=2))
    path = f"/drift/findings/{finding(rest)['id']}/acknowledge"
    seen = rest.post(path, {"note": "the night shift did it"}).json
    assert seen["acknowledged"]["by"] == "admin"
    assert seen["acknowledged"]["note"] == "the night shift did it"
    assert verdict(rest, stack) == "drifted", "it is known, and still so"
    assert finding(rest, acknowledged="true")["id"] == seen["id"]
    assert rest.delete(path).status_code == 204
    assert rest.delete(path).status_code == 204
    assert finding(rest)["acknowledged"] is None
    with rest.ctx.read() as session:
        acts = session.scalars(
            select(AuditEvent.action).where(AuditEvent.object_type == "drift_finding")
        ).all()
    assert sorted(acts) == ["drift_finding.acknowledge", "drift_finding.withdraw"]


def test_a_rule_made_from_a_finding_hides_it_and_no_other(rest: Rest, stack: Stack) -> None:
    check(rest.ctx, stack, change(size=2), change(address="a_b.two", name=1))
    wanted = {item["attributes"][0]["path"]: item["id"]
              for item in rest.get("/drift/findings").json["items"]}["size"]  # fmt: skip
    made = rest.post(f"/drift/findings/{wanted}/ignore", {"reason": "known"})
    assert made.status_code == 201, made.text
    assert (made.json["stack_id"], made.json["path"]) == (stack.id, "size")
    assert finding(rest, hidden="true")["id"] == wanted
    assert verdict(rest, stack) == "drifted"


def test_a_finding_with_nothing_in_common_needs_to_be_told_what_to_hide(
    rest: Rest, stack: Stack
) -> None:
    check(rest.ctx, stack, change(size=2, name=1))
    path = f"/drift/findings/{finding(rest)['id']}/ignore"
    assert pointers(problem(rest.post(path, {"reason": "x"}), 422, "validation_failed")) == [
        "/path"
    ]
    assert rest.post(path, {"reason": "x", "path": "*"}).status_code == 201
    assert verdict(rest, stack) == "in_sync"


@pytest.mark.parametrize("kind", ["reconcile", "accept_drift"])
def test_only_the_drift_that_was_seen_last_is_acted_on(rest: Rest, stack: Stack, kind: str) -> None:
    def act(**more: Any) -> Any:
        return rest.post(f"/stacks/{stack.id}/operations", {"type": kind, **more})

    assert pointers(problem(act(), 422, "validation_failed")) == ["/report_id"]
    problem(act(report_id="dr_none"), 422, "validation_failed")
    clean = check(rest.ctx, stack)
    problem(act(report_id=clean.id), 422, "validation_failed")
    first = check(rest.ctx, stack, change(size=2))
    second = check(rest.ctx, stack, change(size=3))
    problem(act(report_id=first.id), 409, "drift_changed")
    unknown = check(rest.ctx, stack, reason="no answer")
    problem(act(report_id=unknown.id), 422, "validation_failed")
    started = act(report_id=second.id)
    assert started.status_code == 202, started.text
    assert started.json["operation"]["type"] == kind
    other = {"type": "apply", "report_id": second.id}
    problem(rest.post(f"/stacks/{stack.id}/operations", other), 422, "validation_failed")
