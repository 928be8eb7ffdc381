"""People steer operations: approve, discard, cancel; rules decide what needs no person."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.domain.operations import AutoApply, OperationStatus, OperationType
from app.errors import ConflictError, OperationStateError
from app.models import Operation, Stack
from app.services.operations import control, queries
from app.services.queue.waits import waiting_for
from app.services.stacks.change import StackChange, change_stack
from app.services.work import Work, perform
from tests.landform import ADMIN, Landform


def waiting_plan(landform: Landform) -> tuple[Stack, Operation]:
    stack, operation = landform.create(
        "network", "web", parameters={"zones": 1}, auto_apply=AutoApply.NEVER
    )
    return stack, landform.carry_out(operation)


def test_a_plan_waits_for_approval_and_then_is_applied(landform: Landform) -> None:
    stack, operation = waiting_plan(landform)
    assert (operation.status, operation.owner) == ("planned", None)
    assert landform.cloud.list() == []
    with landform.ctx.read() as session:
        reason = waiting_for(session, session.get_one(Operation, operation.id))
        plan = queries.plan_of(landform.ctx, session, ADMIN, operation.id)
    assert reason is not None
    assert reason["reason"] == "approval"
    assert {item["action"] for item in plan["changes"]} == {"create"}
    landform.carry_out(operation)
    assert landform.cloud.list() == [], "nobody has approved it yet"
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    done = landform.carry_out(operation)
    assert (done.status, done.approved_by) == ("applied", "admin")
    assert landform.stack(stack.id).status == "ready"


def test_a_discarded_plan_changes_nothing_and_frees_the_stack(landform: Landform) -> None:
    stack, operation = waiting_plan(landform)
    later = landform.request(stack, OperationType.PLAN)
    assert landform.carry_out(later).status == "pending"
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, operation.id)
    assert landform.operation(operation.id).status == "discarded"
    assert landform.stack(stack.id).status == "failed"
    assert landform.cloud.list() == []
    assert landform.carry_out(later).status == "planned_and_finished"


@pytest.mark.parametrize("decide", [control.approve, control.discard])
def test_only_a_waiting_plan_can_be_decided(
    landform: Landform, decide: Callable[[Work, str], Operation]
) -> None:
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    with pytest.raises(OperationStateError), perform(landform.ctx, ADMIN) as work:
        decide(work, operation.id)
    assert landform.operation(operation.id).status == "pending"


def test_a_waiting_operation_is_canceled_at_once(landform: Landform, network: Stack) -> None:
    operation = landform.request(network, OperationType.APPLY)
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, operation.id)
    canceled = landform.carry_out(operation)
    assert (canceled.status, canceled.cancel_requested_by) == ("canceled", "admin")
    assert landform.stack(network.id).status == "ready"
    with pytest.raises(OperationStateError), perform(landform.ctx, ADMIN) as work:
        control.cancel(work, operation.id)


@pytest.mark.parametrize(
    ("rule", "parameters", "outcome"),
    [
        (AutoApply.ADDITIONS_ONLY, {"zones": 2}, OperationStatus.APPLIED),
        (AutoApply.ADDITIONS_ONLY, {"internet_access": False}, OperationStatus.PLANNED),
        *(
            pytest.param(*case, marks=pytest.mark.thorough)
            for case in (
                (AutoApply.UNLESS_DESTROY, {"internet_access": False}, OperationStatus.APPLIED),
                (AutoApply.UNLESS_DESTROY, {"zones": 1}, OperationStatus.PLANNED),
                (AutoApply.ALWAYS, {"zones": 1}, OperationStatus.APPLIED),
            )
        ),
    ],
)
def test_the_rule_of_a_stack_decides_what_needs_a_person(
    landform: Landform, rule: AutoApply, parameters: dict[str, object], outcome: OperationStatus
) -> None:
    zones = 2 if parameters.get("zones") == 1 else 1
    stack = landform.made("network", "web", parameters={"zones": zones})
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters=parameters, auto_apply=rule)
        _, operation = change_stack(work, stack.id, change)
    assert operation is not None
    assert landform.carry_out(operation).status == outcome


def test_a_secret_is_written_nowhere_in_the_story_of_an_operation(
    landform: Landform, network: Stack
) -> None:
    secret = "canary-7c1e"
    group, operation = landform.create(
        "machine-group", "workers", parameters={"network": "net", "user_data": secret}
    )
    landform.carry_out(operation)
    assert landform.stack(group.id).status == "ready"
    with landform.ctx.read() as session:
        plan = queries.plan_of(landform.ctx, session, ADMIN, operation.id)
    story = "\n".join(landform.messages(operation)) + str(plan)
    assert secret not in story
    assert landform.cloud.token not in story
    kept = [path for path in landform.settings.home_dir.rglob("*") if path.is_file()]
    assert not [path for path in kept if secret.encode() in path.read_bytes()]


def test_a_destroy_is_asked_for_once_and_nothing_is_applied_after_it(
    landform: Landform, network: Stack
) -> None:
    first = landform.request(network, OperationType.DESTROY)
    assert landform.request(network, OperationType.DESTROY).id == first.id
    with pytest.raises(ConflictError, match="destroyed"):
        landform.request(network, OperationType.APPLY)
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, first.id)
    assert landform.perform(network, OperationType.APPLY).status == "planned_and_finished"
