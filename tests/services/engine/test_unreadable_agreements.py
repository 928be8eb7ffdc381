"""What was agreed does not open: nothing is tried for ever or lost, and a way out is named."""

from __future__ import annotations

import signal

import psutil
import pytest

from app.domain.operations import AutoApply, OperationType
from app.errors import ConflictError, NotFoundError
from app.models import AuditEvent, Operation, Stack, StackAgreement, StoredPlan
from app.services.drift.unreadable_agreements import forget_unreadable
from app.services.engine.recovery import dead_runs
from app.services.operations import control
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.services.engine.test_agreed import check, meddle, want_two_zones
from tests.services.engine.test_recovery import PATIENCE_SECONDS, wait_until, worker


def damaged(sealed: bytes) -> bytes:
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


def damage_transition(landform: Landform, operation: Operation) -> None:
    with landform.ctx.write() as session:
        plan = session.get_one(StoredPlan, operation.id)
        assert plan.sealed_transition is not None
        plan.sealed_transition = damaged(plan.sealed_transition)


@pytest.fixture
def unreadable(landform: Landform, network: Stack) -> Stack:
    """A stack with an open finding, of which nobody can read any more what was agreed."""
    meddle(landform)
    assert landform.carry_out(want_two_zones(landform, network)).status == "applied"
    with landform.ctx.write() as session:
        row = session.get_one(StackAgreement, network.id)
        row.sealed_agreement = damaged(row.sealed_agreement)
    return network


@pytest.mark.parametrize(
    "kind", [OperationType.DRIFT_CHECK, OperationType.APPLY, OperationType.DESTROY]
)
def test_what_needs_it_ends_before_anything_is_changed(
    landform: Landform, unreadable: Stack, kind: OperationType
) -> None:
    before = landform.cloud.list()
    done = landform.perform(unreadable, kind)
    error = done.error or {}
    assert (done.status, error["code"]) == ("errored", "agreement_unreadable")
    assert unreadable.id in error["detail"]
    assert "landform admin agreements forget" in error["advice"]
    assert landform.cloud.list() == before


def test_the_operator_of_the_host_has_the_recorded_state_count_as_agreed(
    landform: Landform, unreadable: Stack
) -> None:
    forget_unreadable(landform.ctx, unreadable.id)
    (queued,) = landform.pending(unreadable)
    assert (queued.type, queued.requested_by) == ("drift_check", "system")
    assert landform.carry_out(queued).status == "planned_and_finished"
    assert landform.stack(unreadable.id).drift_status == "in_sync"
    with landform.ctx.read() as session:
        query = session.query(AuditEvent).filter_by(action="stack.agreement_forgotten")
        assert [event.object_id for event in query] == [unreadable.id]
    assert landform.perform(unreadable, OperationType.DESTROY).status == "applied"


def test_what_can_be_read_is_not_given_up(landform: Landform, network: Stack) -> None:
    meddle(landform)
    assert landform.carry_out(want_two_zones(landform, network)).status == "applied"
    with pytest.raises(ConflictError, match="can be read"):
        forget_unreadable(landform.ctx, network.id)
    assert check(landform, network), "it is still open"
    with pytest.raises(NotFoundError):
        forget_unreadable(landform.ctx, "stk_nobody")


def test_an_approved_plan_whose_agreement_is_damaged_is_not_applied(
    landform: Landform, network: Stack
) -> None:
    meddle(landform)
    with landform.ctx.write() as session:
        session.get_one(Stack, network.id).auto_apply = AutoApply.NEVER.value
    operation = want_two_zones(landform, network)
    assert landform.carry_out(operation).status == "planned"
    damage_transition(landform, operation)
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    before = landform.cloud.list()
    done = landform.carry_out(operation)
    assert (done.status, (done.error or {})["code"]) == ("errored", "agreement_unreadable")
    assert landform.cloud.list() == before


@pytest.mark.thorough
@pytest.mark.parametrize("is_killed", [True, False])
def test_an_apply_whose_agreement_is_damaged_meanwhile_ends_with_its_state_saved(
    landform: Landform, network: Stack, is_killed: bool
) -> None:
    meddle(landform)
    landform.cloud.set_faults(create_delay_seconds=3)
    operation = want_two_zones(landform, network)
    with worker(landform, operation) as process:
        wait_until(lambda: len(landform.cloud.list(type="subnet")) > 1, "the second subnet")
        damage_transition(landform, operation)
        if is_killed:
            psutil.Process(process.pid).send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)
    wait_until(
        lambda: dead_runs.reap(landform.ctx) or landform.operation(operation.id).ended_at, "its end"
    )
    done = landform.operation(operation.id)
    error = done.error or {}
    assert done.status == ("interrupted" if is_killed else "errored")
    assert "does not open" in error["detail"]
    assert "landform admin agreements forget" in error["advice"]
    assert landform.stack(network.id).status in ("needs_attention", "failed")
    assert "does not open" in (landform.stack(network.id).status_reason or "")
    assert not done.has_unsaved_state
    assert landform.state_versions(network)[-1].operation_id == operation.id
    assert not landform.ctx.runs.of(operation.id).exists
    assert dead_runs.reap(landform.ctx) == []
