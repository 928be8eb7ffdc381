"""References through the engine: order, failure, changed outputs, cascades."""

from __future__ import annotations

import pytest

from app.domain.operations import OperationType
from app.models import Operation, Stack
from app.services.operations import control
from app.services.queue.dispatch import choose_next
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.deletion import delete_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform


def cascade(landform: Landform, stack: Stack) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        return delete_stack(work, stack.id, with_users=True)[1]


def work_all(landform: Landform) -> list[str]:
    """Have a worker do everything that may start; return the ids in that order."""
    done: list[str] = []
    while (chosen := choose_next(landform.ctx)) is not None:
        assert landform.engine.carry_out(chosen.id)
        done.append(chosen.id)
    return done


@pytest.mark.thorough
def test_a_whole_fleet_asked_for_at_once_is_made_in_order(landform: Landform) -> None:
    net, network = landform.create("network", "net", parameters={"zones": 1})
    wanted = {"network": "net"}
    users = [
        landform.create(kind, kind, parameters=wanted)
        for kind in ("machine-group", "cluster", "database")
    ]
    for _, operation in users:
        assert not landform.engine.carry_out(operation.id), "it has to wait"
    order = work_all(landform)
    assert order == [network.id, *(operation.id for _, operation in users)]
    assert {landform.stack(stack.id).status for stack, _ in [(net, network), *users]} == {"ready"}


@pytest.mark.thorough
def test_who_waited_for_what_failed_says_so_and_what_to_do(landform: Landform) -> None:
    landform.cloud.set_faults(failure_rate=1.0)
    net, first = landform.create("network", "net", parameters={"zones": 1})
    group, second = landform.create("machine-group", "group", parameters={"network": "net"})
    assert work_all(landform) == [first.id, second.id]
    done = landform.operation(second.id)
    assert done.status == "errored"
    assert done.error is not None
    assert done.error["code"] == "reference_not_ready"
    assert "network 'net' is failed" in done.error["detail"]
    assert "fix it" in done.error["advice"]
    assert landform.stack(group.id).status == "failed"

    landform.cloud.set_faults()
    again = landform.request(net, OperationType.APPLY)
    retry = landform.request(group, OperationType.APPLY)
    assert work_all(landform) == [again.id, retry.id]
    assert landform.stack(group.id).status == "ready"


def test_a_discarded_creation_lets_those_go_on_that_waited_for_it(landform: Landform) -> None:
    net, first = landform.create("network", "net", auto_apply=None)
    _, second = landform.create("machine-group", "group", parameters={"network": "net"})
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, first.id)
    assert landform.operation(second.id).attempt == 1, "it was notified"
    assert landform.carry_out(second).status == "errored"
    assert landform.stack(net.id).status == "failed"


@pytest.mark.thorough
def test_a_stack_that_was_never_made_can_be_destroyed_without_its_references(
    landform: Landform,
) -> None:
    landform.cloud.set_faults(failure_rate=1.0)
    net, _ = landform.create("network", "net", parameters={"zones": 1})
    group, _ = landform.create("machine-group", "group", parameters={"network": "net"})
    work_all(landform)
    last = cascade(landform, net)
    (first,) = landform.pending(group)
    work_all(landform)
    assert landform.operation(last.id).status == "applied"
    assert {landform.stack(stack.id).status for stack in (net, group)} == {"deleted"}
    assert [step.name for step in landform.operation(first.id).steps] == ["prepare"]
    assert "Nothing was ever made, so there is nothing to destroy." in landform.messages(first)


@pytest.mark.thorough
def test_a_cascade_destroys_in_order(landform: Landform, network: Stack) -> None:
    group = landform.made("machine-group", "group", parameters={"network": "net"})
    orders = landform.made("database", "orders", parameters={"network": "net"})
    last = cascade(landform, network)
    assert not landform.engine.carry_out(last.id)
    assert work_all(landform)[-1] == last.id
    assert landform.operation(last.id).status == "applied"
    assert {landform.stack(item.id).status for item in (network, group, orders)} == {"deleted"}
    assert landform.cloud.list() == []


@pytest.mark.thorough
def test_a_network_stays_when_what_uses_it_could_not_be_destroyed(
    landform: Landform, network: Stack
) -> None:
    group = landform.made("machine-group", "group", parameters={"network": "net"})
    last = cascade(landform, network)
    (first,) = landform.pending(group)
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, first.id)
    assert work_all(landform) == [last.id]
    done = landform.operation(last.id)
    assert (done.status, (done.error or {}).get("code")) == ("errored", "stack_referenced")
    assert landform.stack(network.id).status == "ready"
    assert len(landform.cloud.list(type="network")) == 1


@pytest.mark.thorough
def test_users_have_pending_changes_when_outputs_that_they_take_change(
    landform: Landform, network: Stack
) -> None:
    group = landform.made("machine-group", "group", parameters={"network": "net"})
    version = group.version

    def change(**parameters: object) -> None:
        with perform(landform.ctx, ADMIN) as work:
            wanted = StackChange(parameters=parameters)
            _, operation = change_stack(work, network.id, wanted)
        assert operation is not None
        assert landform.carry_out(operation).status == "applied"

    change(internet_access=False)
    assert not landform.stack(group.id).has_pending_changes, "no output changed"
    change(zones=2)
    stale = landform.stack(group.id)
    assert stale.has_pending_changes
    assert stale.version > version, "its ETag changed"
    assert landform.pending(group) == [], "nothing is applied by itself"
    assert landform.perform(group, OperationType.APPLY).status == "planned_and_finished"
    assert not landform.stack(group.id).has_pending_changes


@pytest.mark.thorough
def test_a_drift_check_goes_on_while_the_stack_referred_to_is_in_trouble(
    landform: Landform, network: Stack
) -> None:
    group = landform.made("machine-group", "group", parameters={"network": "net"})
    with landform.ctx.write() as session:
        session.get_one(Stack, network.id).status = "needs_attention"
    check = landform.perform(group, OperationType.DRIFT_CHECK)
    assert check.status == "planned_and_finished", check.error
    assert landform.stack(group.id).drift_status == "in_sync"
    apply = landform.perform(group, OperationType.APPLY)
    assert (apply.error or {}).get("code") == "reference_not_ready"
    assert landform.perform(group, OperationType.DESTROY).status == "applied"
