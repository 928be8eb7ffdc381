"""Policies are asked about each plan: they have it wait, or end it; nothing is applied."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind
from app.domain.operations import OperationType
from app.models import Operation, PolicySet, Stack
from app.services.operations import control
from app.services.policies.history import dry_run
from app.services.policies.plan_facts import adopted, plan_given
from app.services.policies.sets import NewPolicySet, create_policy_set
from app.services.schedules.settings import DriftSettings
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform

POLICY: dict[str, Any] = {
    "name": "few",
    "at": ["plan"],
    "rule": "plan.add <= 1",
    "verdict": "deny",
    "message": "{plan.add} resources are too many.",
}


def keep(landform: Landform, enabled: bool = True, **change: Any) -> PolicySet:
    with perform(landform.ctx, ADMIN) as work:
        wanted = NewPolicySet("basics", [{**POLICY, **change}], enabled=enabled)
        return create_policy_set(work, wanted)


def test_a_denied_plan_ends_the_operation_and_nothing_is_made(landform: Landform) -> None:
    keep(landform)
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    done = landform.carry_out(operation)
    assert done.status == "errored"
    assert done.error is not None
    assert done.error["code"] == "policy_denied"
    assert "resources are too many" in done.error["detail"]
    assert landform.cloud.list() == []
    [said] = done.policy_results or []
    assert (said["policy"], said["at"], said["verdict"]) == ("few", "plan", "deny")


def test_a_plan_that_needs_approval_waits(landform: Landform) -> None:
    keep(landform, verdict="needs_approval", rule="change.action != 'create'")
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    waiting = landform.carry_out(operation)
    assert (waiting.status, landform.cloud.list()) == ("planned", [])
    [said] = waiting.policy_results or []
    assert said["resource_count"] == len(said["resources"]) > 1
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    assert landform.carry_out(operation).status == "applied"


def test_a_warning_is_kept_and_stops_nothing(landform: Landform) -> None:
    keep(landform, verdict="warn")
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    done = landform.carry_out(operation)
    assert done.status == "applied"
    assert [item["verdict"] for item in done.policy_results or []] == ["warn"]


def test_a_plan_that_is_only_looked_at_is_told_and_not_ended(landform: Landform) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    landform.carry_out(operation)
    keep(landform, rule="plan.add > 0", message="Nothing is added.")
    done = landform.carry_out(landform.request(stack, OperationType.PLAN))
    assert done.status == "planned_and_finished"
    assert [item["policy"] for item in done.policy_results or []] == ["few"]


def test_what_a_set_would_have_said_is_told_from_history(landform: Landform) -> None:
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    landform.carry_out(operation)
    made = keep(landform, enabled=False)
    with landform.ctx.read() as session:
        run = dry_run(landform.ctx, session, ADMIN, made.id, 30)
        [past] = run.spoken
        assert (run.looked_at, run.is_cut) == (1, False)
        assert past.operation.id == operation.id
        assert past.results[0].message.endswith("resources are too many.")
    assert landform.operation(operation.id).policy_results is None


def test_drift_that_a_policy_forbids_is_left_to_people(landform: Landform, network: Stack) -> None:
    keep(landform, at=["drift"], rule="drift.updated == 0", message="{stack.name} was changed.")
    with perform(landform.ctx, ADMIN) as work:
        allowed = AutoReconcile(frozenset({ChangeKind.UPDATED}), per_day=3)
        change = StackChange(drift=DriftSettings(auto_reconcile=allowed))
        change_stack(work, network.id, change)
    cloud_id = landform.cloud.get_only("network")["id"]
    landform.cloud.call(
        "PATCH", f"/resources/{cloud_id}", json={"attributes": {"internet_access": False}}
    )
    done = landform.perform(network, OperationType.DRIFT_CHECK)
    [said] = done.policy_results or []
    assert (said["at"], said["message"]) == ("drift", "net was changed.")
    with landform.ctx.read() as session:
        settings = session.get_one(Stack, network.id).schedule.auto_reconcile or {}
    assert settings["held_back"] == "A policy leaves this drift to people."
    landform.perform(network, OperationType.DRIFT_CHECK)
    with landform.ctx.read() as session:
        types = session.scalars(select(Operation.type)).all()
    assert OperationType.RECONCILE not in types


def test_a_resource_that_is_adopted_is_asked_about_by_itself() -> None:
    base = {"type": "t", "name": "n", "action": "update", "before": None, "after": {"a": 1}}
    taken = {**base, "address": "t.taken", "imported_id": "id-1"}
    found = adopted([{**base, "address": "t.made", "imported_id": None}, taken])
    given = plan_given({"stack.name": "web"}, {"import": 1}, found)
    assert given.common["plan.adopt"] == 1
    assert [item["change.address"] for item in given.changes] == ["t.taken"]
    assert given.changes[0]["change.before"] == {}
