"""Nobody approves what it asked for itself, where the project says so, on no way around it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import Operation
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.lookup import stack_by_id
from app.services.queue.order import add_operation
from app.services.work import perform
from tests.api.rest import Rest, problem

PROJECT = "/projects/default"


@pytest.fixture
def people(rest: Rest) -> tuple[Rest, Rest]:
    """Two operators of a project with the rule."""
    answer = rest.patch(PROJECT, {"approval": {"not_by_requester": True}}, If_Match="*")
    assert answer.json["approval"] == {"not_by_requester": True}
    return rest.as_member("operator"), rest.as_member("operator")


def wait(rest: Rest, operation_id: str) -> str:
    """Let the plan of an operation await approval, as a worker would."""
    with rest.ctx.write() as session:
        operation = session.get_one(Operation, operation_id)
        operation.status, operation.generation = "planned", operation.stack.generation
    return operation_id


def approve(caller: Rest, operation_id: str, **body: Any) -> TestResponse:
    return caller.post(f"/operations/{operation_id}/approve", body or None)


def refused(caller: Rest, operation_id: str, **body: Any) -> None:
    told = problem(approve(caller, operation_id, **body), 403, "permission_denied")
    assert "nobody approves an own request" in told["detail"]
    assert "somebody else" in told["advice"]


def test_whoever_asked_may_not_approve_and_another_may(
    rest: Rest, people: tuple[Rest, Rest]
) -> None:
    ann, bob = people
    operation = wait(rest, ann.create("networks", "web")["operation"]["id"])
    refused(ann, operation)
    refused(Rest(rest.app, ann.user), operation)
    refused(ann.as_token("operation:control", "stack:write", "stack:read"), operation)
    assert rest.get(f"/operations/{operation}").json["status"] == "planned"
    assert approve(bob, operation).status_code == 202
    found = rest.get("/audit-events", actor=ann.user, action="request.refused").json["items"]
    assert len(found) == 3


def test_an_administrator_is_no_exception(rest: Rest, people: tuple[Rest, Rest]) -> None:
    operation = wait(rest, rest.create("networks", "web")["operation"]["id"])
    refused(rest, operation)
    refused(rest, operation, override_windows=True)
    assert approve(people[0], operation).status_code == 202
    refused(rest, operation, override_windows=True)


def test_without_the_rule_whoever_asked_may_approve(rest: Rest) -> None:
    operation = wait(rest, rest.create("networks", "web")["operation"]["id"])
    assert rest.get(PROJECT).json["approval"] == {"not_by_requester": False}
    assert approve(rest, operation).status_code == 202


def test_a_change_that_another_operation_carries_out_is_still_ones_own(
    rest: Rest, people: tuple[Rest, Rest]
) -> None:
    ann, bob = people
    stack = rest.made("networks", "web")
    changed = ann.patch(stack["links"]["typed"], {"parameters": {"zones": 1}}, If_Match="*")
    assert ann.post(f"/operations/{changed.json['operation']['id']}/cancel").status_code == 202
    asked = bob.post(f"/stacks/{stack['id']}/operations", {"type": "apply"}).json["operation"]["id"]
    wait(rest, asked)
    refused(ann, asked)
    refused(bob, asked)
    assert approve(rest, asked).status_code == 202
    rest.end(asked)
    later = bob.post(f"/stacks/{stack['id']}/operations", {"type": "apply"}).json["operation"]["id"]
    assert approve(ann, wait(rest, later)).status_code == 202


def test_who_tries_again_does_not_make_it_somebody_elses(
    rest: Rest, people: tuple[Rest, Rest]
) -> None:
    ann, bob = people
    first = ann.create("networks", "web")["operation"]["id"]
    rest.end(first, "interrupted", "needs_attention")
    answer = bob.post(f"/operations/{first}/resolve", {"action": "retry"})
    assert answer.status_code == 202, answer.text
    again = wait(rest, answer.json["following"]["id"])
    refused(ann, again)
    refused(bob, again)
    assert approve(rest, again).status_code == 202


def test_who_gave_a_stack_its_end_does_not_approve_its_destruction(
    rest: Rest, people: tuple[Rest, Rest]
) -> None:
    ann, bob = people
    stack = rest.made("networks", "web")
    body = {"expires_at": (utc_now() + timedelta(hours=1)).isoformat(), "on_expiry": "ask"}
    assert ann.patch(stack["links"]["typed"], body, If_Match="*").status_code == 200
    with rest.ctx.write() as session:
        row = stack_by_id(session, SYSTEM_PRINCIPAL, stack["id"])
        asked = add_operation(
            session, row, OperationType.DESTROY, SYSTEM_PRINCIPAL, requires_approval=True
        ).id
    refused(ann, wait(rest, asked))
    assert approve(bob, asked).status_code == 202


def test_no_number_of_later_changes_hides_who_gave_a_stack_its_end(
    rest: Rest, people: tuple[Rest, Rest]
) -> None:
    ann, bob = people
    stack = rest.made("networks", "web")
    body = {"expires_at": (utc_now() + timedelta(hours=1)).isoformat(), "on_expiry": "ask"}
    assert ann.patch(stack["links"]["typed"], body, If_Match="*").status_code == 200
    with perform(rest.ctx, SYSTEM_PRINCIPAL) as work:
        row = stack_by_id(work.session, SYSTEM_PRINCIPAL, stack["id"])
        project = {"project_id": row.project_id, "changed": ["deletion_protection"]}
        for _ in range(250):
            audit.record(work, "stack.change", "stack", row.id, **project)
        asked = add_operation(
            work.session, row, OperationType.DESTROY, SYSTEM_PRINCIPAL, requires_approval=True
        ).id
    refused(ann, wait(rest, asked))
    assert approve(bob, asked).status_code == 202


def test_the_rule_is_a_matter_of_who_writes_the_project_and_is_audited(
    rest: Rest, people: tuple[Rest, Rest]
) -> None:
    body = {"approval": {"not_by_requester": False}}
    problem(people[0].patch(PROJECT, body, If_Match="*"), 403, "permission_denied")
    assert rest.patch(PROJECT, body, If_Match="*").status_code == 200
    found = rest.get("/audit-events", action="project.change").json["items"]
    assert found[0]["detail"]["changed"] == ["approval"]
    assert rest.patch(PROJECT, body, If_Match="*").status_code == 200
    assert len(rest.get("/audit-events", action="project.change").json["items"]) == len(found)
    made = rest.post("/projects", {"name": "two", "approval": {"not_by_requester": True}})
    assert made.json["approval"] == {"not_by_requester": True}
