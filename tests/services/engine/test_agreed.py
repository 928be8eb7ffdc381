"""What is changed outside never counts as agreed because an apply recorded it."""

from __future__ import annotations

import signal
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.models import DriftFinding, Operation, Stack, StackAgreement
from app.services.engine.recovery import dead_runs
from app.services.operations import control
from app.services.stacks.change import StackChange, change_stack
from app.services.state.upload import examine_upload, upload_state
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.services.engine.test_drift import last_report
from tests.services.engine.test_recovery import PATIENCE_SECONDS, wait_until, worker

TAG = "landform:operation"
"""The one tag that the configuration leaves alone, so that no apply puts it back."""


def meddle(landform: Landform) -> None:
    """Change what the configuration leaves open in the subnet, and what it says of the network."""
    subnet, network = landform.cloud.get_only("subnet"), landform.cloud.get_only("network")
    tags = {**subnet["tags"], TAG: "somebody"}
    landform.cloud.call("PATCH", f"/resources/{subnet['id']}", json={"tags": tags})
    closed = {"attributes": {"internet_access": False}}
    landform.cloud.call("PATCH", f"/resources/{network['id']}", json=closed)


def undo(landform: Landform, stack: Stack) -> None:
    subnets = [item for item in landform.cloud.list() if item["type"] == "subnet"]
    (subnet,) = [item for item in subnets if item["tags"][TAG] == "somebody"]
    tags = {**subnet["tags"], TAG: first_operation(landform, stack)}
    landform.cloud.call("PATCH", f"/resources/{subnet['id']}", json={"tags": tags})


def first_operation(landform: Landform, stack: Stack) -> str:
    with landform.ctx.read() as session:
        query = select(Operation.id).where(Operation.stack_id == stack.id).order_by(Operation.id)
        return str(session.scalars(query).first())


def want_two_zones(landform: Landform, stack: Stack) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 2})
        _, operation = change_stack(work, stack.id, change)
        assert operation is not None
        return operation


def findings(landform: Landform, stack: Stack) -> dict[str, DriftFinding]:
    """Return all findings by the type of their resource."""
    with landform.ctx.read() as session:
        query = select(DriftFinding).where(DriftFinding.stack_id == stack.id)
        return {row.type: row for row in session.scalars(query).unique()}


def check(landform: Landform, stack: Stack) -> list[dict[str, Any]]:
    done = landform.perform(stack, OperationType.DRIFT_CHECK)
    assert done.status == "planned_and_finished", done.error
    return list(last_report(landform, stack).changes)


def about_drift(landform: Landform, stack: Stack, kind: OperationType, *names: str) -> Operation:
    options = PlanOptions(report_id=last_report(landform, stack).id, findings=names)
    with perform(landform.ctx, ADMIN) as work:
        operation = control.request_operation(work, stack.id, kind, options)[1]
    return landform.carry_out(operation)


def test_an_apply_mends_what_is_configured_and_the_rest_stays_open_until_it_is_accepted(
    landform: Landform, network: Stack
) -> None:
    meddle(landform)
    done = landform.carry_out(want_two_zones(landform, network))
    assert done.status == "applied", done.error
    found = findings(landform, network)
    mended, left = found["sandbox_network"], found["sandbox_subnet"]
    assert (mended.gone_reason, mended.gone_operation_id) == ("mended", done.id)
    assert left.gone_since is None
    assert landform.stack(network.id).drift_status == "drifted"
    assert any("Still otherwise than agreed" in said for said in landform.messages(done))
    (change,) = check(landform, network)
    (attribute,) = change["attributes"]
    assert attribute["path"] == f'tags["{TAG}"]'
    assert attribute["before"] == first_operation(landform, network)
    assert (attribute["after"], change["mending"]) == ("somebody", "none")
    assert findings(landform, network)["sandbox_subnet"].id == left.id, "it is the same story"
    done = about_drift(landform, network, OperationType.ACCEPT_DRIFT)
    assert done.status == "applied", done.error
    accepted = findings(landform, network)["sandbox_subnet"]
    assert (accepted.gone_reason, accepted.gone_operation_id) == ("accepted", done.id)
    assert check(landform, network) == []
    with landform.ctx.read() as session:
        assert session.get(StackAgreement, network.id) is None, "there is nothing left to keep"


def test_a_failed_apply_absorbs_nothing_either(landform: Landform, network: Stack) -> None:
    meddle(landform)
    landform.cloud.set_faults(quota=2)
    assert landform.carry_out(want_two_zones(landform, network)).status == "errored"
    landform.cloud.set_faults()
    assert "sandbox_subnet" in {item["type"] for item in check(landform, network)}
    undo(landform, network)
    assert landform.perform(network, OperationType.APPLY).status == "applied"
    assert check(landform, network) == [], "what is as agreed again is no drift"


@pytest.mark.thorough
def test_a_killed_apply_absorbs_nothing_either(landform: Landform, network: Stack) -> None:
    meddle(landform)
    landform.cloud.set_faults(create_delay_seconds=5)
    operation = want_two_zones(landform, network)
    with worker(landform, operation) as process:
        wait_until(lambda: len(landform.state_versions(network)) > 1, "the refreshed state")
        psutil.Process(process.pid).send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    wait_until(
        lambda: dead_runs.reap(landform.ctx) or landform.operation(operation.id).ended_at, "its end"
    )
    landform.cloud.set_faults()
    changes = {item["type"] for item in check(landform, network) if item["change"] == "updated"}
    assert "sandbox_subnet" in changes


def test_a_destroy_that_stops_midway_absorbs_nothing_either(
    landform: Landform, network: Stack
) -> None:
    subnet = landform.cloud.get_only("subnet")
    meddle(landform)
    machine = {"size": "sandbox.small", "image": "debian-12", "region": "eu-west"}
    place = {"network_id": subnet["attributes"]["network_id"], "subnet_id": subnet["id"]}
    obstacle = landform.cloud.add("machine", {}, name="in-the-way", **place, **machine)
    assert landform.perform(network, OperationType.DESTROY).status == "errored"
    landform.cloud.call("DELETE", f"/resources/{obstacle}")
    changes = {item["type"] for item in check(landform, network) if item["change"] == "updated"}
    assert changes == {"sandbox_network", "sandbox_subnet"}
    assert landform.perform(network, OperationType.APPLY).status == "applied"
    assert [item["type"] for item in check(landform, network)] == ["sandbox_subnet"]


@pytest.mark.thorough
def test_what_is_gone_stays_a_finding_when_a_destroy_stops_midway(
    landform: Landform, network: Stack
) -> None:
    subnet = landform.cloud.get_only("subnet")
    landform.cloud.call("DELETE", f"/resources/{subnet['id']}")
    machine = {"size": "sandbox.small", "image": "debian-12", "region": "eu-west"}
    net = subnet["attributes"]["network_id"]
    obstacle = landform.cloud.add("machine", {}, name="in-the-way", network_id=net, **machine)
    assert landform.perform(network, OperationType.DESTROY).status == "errored"
    landform.cloud.call("DELETE", f"/resources/{obstacle}")
    (change,) = check(landform, network)
    assert (change["change"], change["type"]) == ("deleted", "sandbox_subnet")
    assert landform.perform(network, OperationType.DESTROY).status == "applied"
    assert landform.stack(network.id).status == "deleted"


@pytest.mark.thorough
def test_only_the_named_findings_are_accepted(landform: Landform, network: Stack) -> None:
    meddle(landform)
    changes = {item["type"]: item for item in check(landform, network)}
    named = changes["sandbox_network"]["finding_id"]
    done = about_drift(landform, network, OperationType.ACCEPT_DRIFT, named)
    assert done.status == "applied", done.error
    assert [item["type"] for item in check(landform, network)] == ["sandbox_subnet"]
    assert last_report(landform, network).has_pending_changes, "the configuration wants it back"


@pytest.mark.thorough
def test_reconciling_says_what_it_cannot_undo(landform: Landform, network: Stack) -> None:
    meddle(landform)
    check(landform, network)
    done = about_drift(landform, network, OperationType.RECONCILE)
    assert done.status == "applied", done.error
    said = " ".join(landform.messages(done))
    assert "Cannot be undone by an apply: sandbox_subnet" in said
    assert [item["type"] for item in check(landform, network)] == ["sandbox_subnet"]
    done = about_drift(landform, network, OperationType.RECONCILE)
    assert done.status == "planned_and_finished"
    assert "Cannot be undone by an apply" in " ".join(landform.messages(done))
    assert landform.stack(network.id).drift_status == "drifted"


@pytest.mark.thorough
def test_a_resource_that_is_gone_stays_a_finding_while_applies_fail(
    landform: Landform, network: Stack
) -> None:
    landform.cloud.call("DELETE", f"/resources/{landform.cloud.get_only('subnet')['id']}")
    landform.cloud.set_faults(quota=1)
    assert landform.perform(network, OperationType.APPLY).status == "errored"
    (change,) = check(landform, network)
    assert (change["change"], change["mending"]) == ("deleted", "create")
    assert not last_report(landform, network).has_pending_changes
    landform.cloud.set_faults()
    done = landform.perform(network, OperationType.APPLY)
    assert done.status == "applied"
    assert findings(landform, network)["sandbox_subnet"].gone_operation_id == done.id
    assert check(landform, network) == []


@pytest.mark.thorough
def test_an_uploaded_state_agrees_to_nothing(landform: Landform, network: Stack) -> None:
    meddle(landform)
    assert landform.carry_out(want_two_zones(landform, network)).status == "applied"
    known = landform.state_versions(network)[-1]
    store = landform.ctx.state_store(network.id)
    data = store.read(network.id, known.serial, known.sha256)
    raised = data.replace(b'"serial": %d' % known.serial, b'"serial": %d' % (known.serial + 1))
    assert raised != data
    examined = examine_upload(landform.ctx, ADMIN, network.id, raised)
    with perform(landform.ctx, ADMIN) as work:
        _, plan = upload_state(work, examined)
    assert landform.carry_out(plan).status == "planned_and_finished"
    assert [item["type"] for item in check(landform, network)] == ["sandbox_subnet"]


@pytest.mark.thorough
def test_going_back_to_an_earlier_state_agrees_to_nothing(
    landform: Landform, network: Stack
) -> None:
    meddle(landform)
    first = landform.state_versions(network)[-1].serial
    assert landform.carry_out(want_two_zones(landform, network)).status == "applied"
    with perform(landform.ctx, ADMIN) as work:
        options = PlanOptions(serial=first)
        kind = OperationType.ROLLBACK
        operation = control.request_operation(work, network.id, kind, options)[1]
    assert landform.carry_out(operation).status == "planned"
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    landform.carry_out(operation)
    changes = [item for item in check(landform, network) if item["change"] == "updated"]
    assert [item["type"] for item in changes] == ["sandbox_subnet"]
