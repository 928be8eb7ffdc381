"""What held data and is gone is made anew, empty, only with the consent of a person."""

from __future__ import annotations

import pytest

from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.models import Operation, Stack
from app.services.operations import control
from app.services.schedules.settings import DriftSettings
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform

GONE = "sandbox_bucket.this is gone. This plan makes it anew, empty"


@pytest.fixture
def bucket(landform: Landform) -> Stack:
    """A bucket that somebody has deleted outside."""
    made = landform.made("bucket", "files")
    return delete_outside(landform, made)


def delete_outside(landform: Landform, stack: Stack) -> Stack:
    landform.cloud.call("DELETE", f"/resources/{landform.cloud.get_only('bucket')['id']}")
    return stack


def check_that_it_waits(landform: Landform, operation: Operation) -> None:
    done = landform.carry_out(operation)
    assert (done.status, done.error) == ("planned", None)
    assert landform.cloud.list(type="bucket") == []
    assert any(GONE in message for message in landform.messages(done))
    told = landform.waiting_for(done)
    assert told is not None
    assert told["reason"] == "approval"


def test_a_change_that_would_make_it_anew_waits_until_a_person_approves(
    landform: Landform, bucket: Stack
) -> None:
    with perform(landform.ctx, ADMIN) as work:
        _, operation = change_stack(work, bucket.id, StackChange(parameters={"versioning": True}))
    assert operation is not None
    check_that_it_waits(landform, operation)
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    assert landform.carry_out(operation).status == "applied"
    assert landform.cloud.get_only("bucket")["attributes"]["versioning"] is True


def test_an_automatic_reconcile_waits_and_that_of_a_person_does_not(
    landform: Landform, bucket: Stack
) -> None:
    allowed = AutoReconcile(frozenset({ChangeKind.DELETED}), per_day=3)
    with perform(landform.ctx, ADMIN) as work:
        change_stack(work, bucket.id, StackChange(drift=DriftSettings(auto_reconcile=allowed)))
    assert landform.perform(bucket, OperationType.DRIFT_CHECK).error is None
    (operation,) = landform.pending(bucket)
    assert (operation.type, operation.requested_by) == ("reconcile", "system")
    check_that_it_waits(landform, operation)
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, operation.id)
    with perform(landform.ctx, ADMIN) as work:
        seen = PlanOptions(report_id=landform.stack(bucket.id).drift_report_id)
        asked = control.request_operation(work, bucket.id, OperationType.RECONCILE, seen)[1]
    assert landform.carry_out(asked).status == "applied"
    assert landform.cloud.get_only("bucket")


def test_what_holds_no_data_is_made_anew_at_once(landform: Landform, network: Stack) -> None:
    landform.cloud.call("DELETE", f"/resources/{landform.cloud.get_only('subnet')['id']}")
    assert landform.perform(network, OperationType.APPLY).status == "applied"
    assert landform.cloud.get_only("subnet")
