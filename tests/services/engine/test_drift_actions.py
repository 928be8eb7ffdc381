"""What is done about drift: undone or accepted, as it was shown and never otherwise."""

from __future__ import annotations

import signal
from typing import Any

import psutil
import pytest

from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind
from app.domain.operations import AutoApply, OperationType
from app.domain.plan_options import PlanOptions
from app.models import Operation, Stack
from app.services.engine.recovery import dead_runs
from app.services.operations import control as operations
from app.services.operations.resolve import Decision, Resolution, resolve
from app.services.schedules.settings import DriftSettings
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.services.engine.test_change_control import NEVER, control
from tests.services.engine.test_drift import last_report
from tests.services.engine.test_recovery import PATIENCE_SECONDS, wait_until, worker


def change_outside(landform: Landform, **attributes: Any) -> None:
    cloud_id = landform.cloud.get_only("network")["id"]
    landform.cloud.call("PATCH", f"/resources/{cloud_id}", json={"attributes": attributes})


def request(landform: Landform, stack: Stack, kind: OperationType) -> Operation:
    options = PlanOptions(report_id=last_report(landform, stack).id)
    with perform(landform.ctx, ADMIN) as work:
        return operations.request_operation(work, stack.id, kind, options)[1]


def drifted(landform: Landform, stack: Stack) -> None:
    change_outside(landform, internet_access=False)
    landform.perform(stack, OperationType.DRIFT_CHECK)
    assert landform.stack(stack.id).drift_status == "drifted"


def has_internet(landform: Landform) -> bool:
    return bool(landform.cloud.get_only("network")["attributes"]["internet_access"])


def ended(landform: Landform, operation: Operation) -> bool:
    return landform.operation(operation.id).ended_at is not None


def check_follows(landform: Landform, stack: Stack) -> str:
    (check,) = landform.pending(stack)
    assert check.type == "drift_check"
    landform.carry_out(check)
    return landform.stack(stack.id).drift_status


def test_reconciling_undoes_what_was_shown_and_a_check_follows(
    landform: Landform, network: Stack
) -> None:
    drifted(landform, network)
    done = landform.carry_out(request(landform, network, OperationType.RECONCILE))
    assert done.status == "applied", done.error
    assert has_internet(landform)
    assert check_follows(landform, network) == "in_sync"


@pytest.mark.thorough
def test_accepting_lets_the_state_follow_and_the_configuration_shows_as_pending(
    landform: Landform, network: Stack
) -> None:
    drifted(landform, network)
    before = landform.state_versions(network)[-1].serial
    done = landform.carry_out(request(landform, network, OperationType.ACCEPT_DRIFT))
    assert done.status == "applied", done.error
    assert not has_internet(landform), "nothing in the cloud was changed"
    assert landform.state_versions(network)[-1].serial > before
    assert check_follows(landform, network) == "in_sync"
    assert last_report(landform, network).has_pending_changes
    assert landform.stack(network.id).status == "ready"


@pytest.mark.thorough
@pytest.mark.parametrize("kind", [OperationType.RECONCILE, OperationType.ACCEPT_DRIFT])
def test_another_drift_than_was_shown_is_left_alone(
    landform: Landform, network: Stack, kind: OperationType
) -> None:
    drifted(landform, network)
    operation = request(landform, network, kind)
    change_outside(landform, name="renamed")
    serial = landform.state_versions(network)[-1].serial
    done = landform.carry_out(operation)
    assert (done.status, (done.error or {})["code"]) == ("errored", "drift_changed")
    assert not has_internet(landform)
    assert landform.state_versions(network)[-1].serial == serial
    assert landform.stack(network.id).status == "ready"


@pytest.mark.thorough
def test_rules_for_approval_hold(landform: Landform, network: Stack) -> None:
    with landform.ctx.write() as session:
        session.get_one(Stack, network.id).auto_apply = AutoApply.NEVER.value
    drifted(landform, network)
    operation = request(landform, network, OperationType.ACCEPT_DRIFT)
    assert landform.carry_out(operation).status == "planned"
    with perform(landform.ctx, ADMIN) as work:
        operations.approve(work, operation.id)
    assert landform.carry_out(operation).status == "applied"


def test_what_is_done_about_drift_waits_for_a_change_window(
    landform: Landform, network: Stack
) -> None:
    drifted(landform, network)
    control(landform, windows=[NEVER])
    operation = request(landform, network, OperationType.RECONCILE)
    assert landform.carry_out(operation).status == "planned"
    told = landform.waiting_for(operation)
    assert told is not None
    assert told["reason"] == "window"
    assert not has_internet(landform)
    control(landform, windows=[])
    assert landform.carry_out(operation).status == "applied"
    assert has_internet(landform)


@pytest.mark.thorough
def test_drift_is_undone_without_a_person_where_its_owner_allowed_that(
    landform: Landform, network: Stack
) -> None:
    allowed = AutoReconcile(frozenset({ChangeKind.UPDATED}), per_day=1)
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(drift=DriftSettings(auto_reconcile=allowed))
        change_stack(work, network.id, change)
    drifted(landform, network)
    (operation,) = landform.pending(network)
    assert (operation.type, operation.requested_by) == ("reconcile", "system")
    assert landform.carry_out(operation).status == "applied"
    assert has_internet(landform)
    assert check_follows(landform, network) == "in_sync"
    drifted(landform, network)
    assert landform.pending(network) == [], "once a day is enough"


@pytest.mark.thorough
def test_a_kill_while_a_drift_is_accepted_loses_no_state(
    landform: Landform, network: Stack
) -> None:
    drifted(landform, network)
    operation = request(landform, network, OperationType.ACCEPT_DRIFT)
    with worker(landform, operation) as process:
        wait_until(lambda: landform.operation(operation.id).has_applied, "the apply")
        psutil.Process(process.pid).send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    wait_until(lambda: dead_runs.reap(landform.ctx) or ended(landform, operation), "its end")
    known = landform.state_versions(network)[-1]
    assert landform.ctx.state_store(network.id).read(network.id, known.serial, known.sha256)
    assert landform.operation(operation.id).status == "interrupted"
    assert check_follows(landform, network) in ("drifted", "in_sync")
    with perform(landform.ctx, ADMIN) as work:
        resolve(work, operation.id, Decision(Resolution.ACCEPT))
    assert landform.stack(network.id).status == "ready"
