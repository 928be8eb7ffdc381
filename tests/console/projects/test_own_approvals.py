"""The rule that nobody approves an own request, as people set and meet it in the console."""

from __future__ import annotations

from app.models import Operation, Project
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

RULES = {"/title": "", "/auto_apply": "always", "/drift": ""}


def rule(ctx: Context) -> bool:
    with ctx.read() as session:
        return session.query(Project).one().approval_not_by_requester


def test_the_rule_is_set_and_lifted_with_the_rules_of_the_project(
    ctx: Context, visitor: Visitor
) -> None:
    page = visitor.text("/settings/projects/default")
    assert "Require approval by another user" in page
    with ctx.read() as session:
        version = str(session.query(Project).one().version)
    form = {**RULES, "/approval/not_by_requester": "on", "version": version}
    answer = visitor.post("/settings/projects/default", form)
    assert answer.status_code == 303, answer.text
    assert rule(ctx) is True
    again = {**RULES, "version": str(int(version) + 1)}
    assert visitor.post("/settings/projects/default", again).status_code == 303
    assert rule(ctx) is False


def test_the_page_says_who_may_not_approve_and_the_button_is_refused(
    ctx: Context, visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack()
    operation = fleet.operation(made.stack_id, status="planned")
    fleet.plan(operation, [])
    with ctx.write() as session:
        session.query(Project).update({Project.approval_not_by_requester: True})
        row = session.get_one(Operation, operation)
        row.generation = row.stack.generation
    page = visitor.text(f"/operations/{operation}")
    assert "Another user must approve this." in page
    assert "this one was requested by admin" in page
    refused = visitor.post(f"/operations/{operation}/approve")
    assert refused.status_code == 403
    assert "nobody approves an own request" in refused.text
    with ctx.read() as session:
        assert session.get_one(Operation, operation).approved_at is None


def test_without_the_rule_the_page_says_nothing_of_it(visitor: Visitor, fleet: Fleet) -> None:
    operation = fleet.operation(fleet.stack().stack_id, status="planned")
    assert "Somebody else has to approve" not in visitor.text(f"/operations/{operation}")
