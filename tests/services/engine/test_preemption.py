"""Nobody waits for a scheduled check: one that runs is stopped and made again afterwards."""

from __future__ import annotations

import os

import pytest

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import Operation, Schedule, Stack
from app.services.drift.queue_due import claim_due
from app.services.engine import preemption
from app.services.engine.claims import claim
from app.services.engine.preemption import Preemption
from app.services.engine.recovery import dead_runs
from app.services.operations import control
from app.services.stacks import locks
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests.landform import ADMIN, Landform
from tests.services.engine.test_kills import died_while_planning
from tests.services.engine.test_recovery import PATIENCE_SECONDS, wait_until, worker


def check_by_clock(landform: Landform, stack: Stack) -> Operation:
    with landform.ctx.write() as session:
        session.get_one(Schedule, stack.id).next_check_at = utc_now()
    assert claim_due(landform.ctx) == 1
    (check,) = landform.pending(stack)
    return check


def begin(landform: Landform, operation: Operation) -> Preemption:
    """Claim an operation as a worker that does nothing yet."""
    process = ProcessIdentity.of(os.getpid()).to_dict()
    taken = claim(landform.ctx, operation.id, "somebody", process)
    assert taken is not None
    return Preemption(landform.ctx, taken)


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preemption, "LOOK_SECONDS", 0.0)


@pytest.mark.thorough
def test_an_apply_stops_a_scheduled_check_on_a_slow_cloud(
    landform: Landform, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    landform.cloud.set_faults(read_delay_seconds=60)
    check = check_by_clock(landform, network)
    with worker(landform, check) as process:
        wait_until(lambda: landform.operation(check.id).status == "planning", "the check")
        apply = landform.request(network, OperationType.APPLY)
        assert process.wait(PATIENCE_SECONDS) == 0, "long before the cloud answers"
    stopped, stack = landform.operation(check.id), landform.stack(network.id)
    assert (stopped.status, stopped.owner, stopped.started_at) == ("pending", None, None)
    assert any(message.startswith("Gave way") for message in landform.messages(check))
    assert (stack.drift_status, stack.drift_reason) == ("in_sync", None), "nothing was learned"
    assert stack.schedule.failures == 0
    landform.cloud.set_faults()
    assert landform.carry_out(check).status == "pending", "people come first"
    assert landform.carry_out(apply).status == "planned_and_finished"
    assert landform.carry_out(check).status == "planned_and_finished"


@pytest.mark.parametrize(
    ("asked", "stops"),
    [
        pytest.param(OperationType.PLAN, True, marks=pytest.mark.thorough),
        (OperationType.APPLY, True),
        pytest.param(OperationType.DESTROY, True, marks=pytest.mark.thorough),
        (OperationType.DRIFT_CHECK, False),
    ],
)
def test_it_stops_for_what_people_ask_but_not_for_another_check(
    landform: Landform, network: Stack, asked: OperationType, stops: bool
) -> None:
    running = begin(landform, check_by_clock(landform, network))
    assert not running.poll(), "nobody waits"
    landform.request(network, asked)
    assert running.poll() == running.is_wanted == stops


def test_it_does_not_stop_for_what_could_not_start_anyway(
    landform: Landform, network: Stack
) -> None:
    running = begin(landform, check_by_clock(landform, network))
    with perform(landform.ctx, ADMIN) as work:
        locks.lock_stack(work, network.id, "hands off")
    landform.request(network, OperationType.APPLY)
    assert not running.poll()


def test_nothing_preempts_what_a_person_asked_for(landform: Landform, network: Stack) -> None:
    running = begin(landform, landform.request(network, OperationType.DRIFT_CHECK))
    landform.request(network, OperationType.APPLY)
    assert not running.poll()


def test_preemption_is_no_death_however_often(landform: Landform, network: Stack) -> None:
    check = check_by_clock(landform, network)
    for _ in range(dead_runs.MAX_DEATHS):
        assert begin(landform, check).queue_again()
    died_while_planning(landform, check)
    assert dead_runs.reap(landform.ctx) == [check.id]
    assert landform.operation(check.id).status == "pending"


def test_a_check_whose_worker_dies_each_time_says_when_it_is_tried_again(
    landform: Landform, network: Stack
) -> None:
    check = check_by_clock(landform, network)
    for _ in range(dead_runs.MAX_DEATHS):
        died_while_planning(landform, check)
        dead_runs.reap(landform.ctx)
    done, stack = landform.operation(check.id), landform.stack(network.id)
    assert (done.status, stack.drift_status) == ("errored", "unknown")
    assert (done.error or {})["tried_again_at"]
    assert stack.schedule.failures == 1


@pytest.mark.thorough
def test_a_check_that_a_person_cancels_ends_and_spoils_no_verdict(
    landform: Landform, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    landform.cloud.set_faults(read_delay_seconds=5)
    check = check_by_clock(landform, network)
    with worker(landform, check) as process:
        wait_until(lambda: landform.operation(check.id).status == "planning", "the check")
        landform.request(network, OperationType.APPLY)
        with perform(landform.ctx, ADMIN) as work:
            control.cancel(work, check.id)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert landform.operation(check.id).status == "canceled"
    assert landform.stack(network.id).drift_status == "in_sync"


def test_a_check_that_a_person_has_canceled_is_not_queued_again(
    landform: Landform, network: Stack
) -> None:
    check = check_by_clock(landform, network)
    running = begin(landform, check)
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, check.id)
    assert not running.queue_again()
    assert landform.operation(check.id).status == "canceling"
