"""An operation whose stack another process still holds waits for it, and is no failure."""

from __future__ import annotations

import pytest

from app.domain.operations import OperationType
from app.models import Stack
from app.services.engine import requeueing, run
from app.services.engine.recovery import dead_runs
from app.services.operations import control
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.services.engine.test_kills import died_while_planning


@pytest.fixture(autouse=True)
def wait_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LOCK_WAIT_SECONDS", 0.1)


def test_what_a_paused_host_still_holds_is_waited_for(landform: Landform, network: Stack) -> None:
    operation = landform.request(network, OperationType.DESTROY)
    with landform.ctx.state_store(network.id).hold(network.id, 0):
        for _ in range(dead_runs.MAX_DEATHS):
            assert landform.carry_out(operation).status == "pending"
    assert "still holds the writer's lock" in landform.messages(operation)[-1]
    died_while_planning(landform, operation)
    assert dead_runs.reap(landform.ctx) == [operation.id]
    assert landform.operation(operation.id).status == "pending", "waiting was no death"
    assert landform.carry_out(operation).status == "applied"


def test_it_is_not_waited_for_without_end(
    landform: Landform, network: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requeueing, "MAX_WAITS", 2)
    operation = landform.request(network, OperationType.DRIFT_CHECK)
    with landform.ctx.state_store(network.id).hold(network.id, 0):
        assert landform.carry_out(operation).status == "pending"
        assert landform.carry_out(operation).status == "pending"
        done = landform.carry_out(operation)
    assert (done.status, (done.error or {})["code"]) == ("errored", "stack_busy")


def test_who_cancels_it_meanwhile_need_not_wait(landform: Landform, network: Stack) -> None:
    operation = landform.request(network, OperationType.APPLY)
    with landform.ctx.state_store(network.id).hold(network.id, 0):
        assert landform.carry_out(operation).status == "pending"
        with perform(landform.ctx, ADMIN) as work:
            control.cancel(work, operation.id)
    assert landform.operation(operation.id).status == "canceled"
