"""Drift is undone without a person only as its owner allowed, and not after a failure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind
from app.domain.operations import OperationStatus, OperationType
from app.errors import DriftChangedError, LandformError
from app.models import AuditEvent, Operation, Schedule, Stack, StackLock
from app.services.context import Context
from app.services.drift.rules import NewRule, RuleScope, create_rule
from app.services.engine import ending
from app.services.operations import control
from app.services.queue.status import move
from app.services.schedules.settings import DriftSettings
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from app.terraform.terraform_errors import TerraformError
from tests.drifting import change, check
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready

UPDATED = frozenset({ChangeKind.UPDATED})


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    allow(ctx, made)
    return made


def allow(ctx: Context, stack: Stack, per_day: int = 2) -> None:
    wanted = DriftSettings(auto_reconcile=AutoReconcile(UPDATED, per_day))
    with perform(ctx, ADMIN) as work:
        change_stack(work, stack.id, StackChange(drift=wanted))


def kept(ctx: Context, stack: Stack) -> dict[str, Any]:
    with ctx.read() as session:
        return dict(session.get_one(Schedule, stack.id).auto_reconcile or {})


def reconciles(ctx: Context, stack: Stack) -> list[Operation]:
    with ctx.read() as session:
        query = select(Operation).where(
            Operation.stack_id == stack.id, Operation.type == OperationType.RECONCILE
        )
        return list(session.scalars(query.order_by(Operation.id)))


def end(ctx: Context, operation: Operation, error: LandformError | None = None) -> None:
    """Let a reconcile end, and leave the stack as one that is at rest."""
    with ctx.write() as session:
        row = session.get_one(Operation, operation.id)
        move(row, OperationStatus.PLANNING)
        good = OperationStatus.PLANNED_AND_FINISHED
        ending.end(session, row, OperationStatus.ERRORED if error else good, error)


def test_a_drift_of_a_named_kind_is_queued_for_its_end_by_landform_itself(
    ctx: Context, stack: Stack
) -> None:
    report = check(ctx, stack, change(size=2))
    (operation,) = reconciles(ctx, stack)
    assert (operation.requested_by, operation.status) == ("system", "pending")
    assert operation.options["report_id"] == report.id
    with ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.object_id == operation.id)
        (event,) = session.scalars(query)
    assert (event.action, event.actor) == ("operation.request", "system")


def test_what_the_owner_did_not_allow_is_left_to_people_and_it_says_why(
    ctx: Context, stack: Stack
) -> None:
    check(ctx, stack, change("deleted"))
    assert reconciles(ctx, stack) == []
    assert "deleted" in kept(ctx, stack)["held_back"]
    check(ctx, stack)
    assert kept(ctx, stack)["held_back"] is None, "there is nothing left to hold back"


def test_a_stack_without_the_setting_is_left_alone(ctx: Context, stack: Stack) -> None:
    with perform(ctx, ADMIN) as work:
        ends = StackChange(drift=DriftSettings(clear_auto_reconcile=True))
        change_stack(work, stack.id, ends)
    check(ctx, stack, change(size=2))
    assert reconciles(ctx, stack) == []


def test_a_check_that_failed_queues_nothing(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2), reason="The cloud did not answer.")
    assert reconciles(ctx, stack) == []


def test_pending_changes_are_never_applied_on_the_way(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2), has_pending_changes=True)
    assert reconciles(ctx, stack) == []
    assert "not applied yet" in kept(ctx, stack)["held_back"]


def test_what_a_rule_hides_is_not_undone_on_the_way(ctx: Context, stack: Stack) -> None:
    with perform(ctx, ADMIN) as work:
        scope = RuleScope(path="tags*")
        create_rule(work, NewRule("default", "the vendor rotates it", scope))
    check(ctx, stack, change(size=2), change(address="a_b.other", tags=1))
    assert reconciles(ctx, stack) == []
    assert "rule" in kept(ctx, stack)["held_back"]


@pytest.mark.parametrize(
    ("trouble", "word"),
    [("failed", "failed"), ("locked", "locked"), ("busy", "first"), ("paused", "not watched")],
)
def test_a_stack_that_is_not_at_rest_is_left_alone(
    ctx: Context, stack: Stack, trouble: str, word: str
) -> None:
    with perform(ctx, ADMIN) as work:
        row = work.session.get_one(Stack, stack.id)
        if trouble == "failed":
            row.status = "failed"
        if trouble == "locked":
            now = utc_now()
            lock = StackLock(stack_id=stack.id, holder_id="u", holder="a", reason="", since=now)
            work.session.add(lock)
        if trouble == "busy":
            control.request_operation(work, stack.id, OperationType.PLAN)
        if trouble == "paused":
            row.project.drift_enabled = False
    check(ctx, stack, change(size=2))
    assert reconciles(ctx, stack) == []
    assert word in kept(ctx, stack)["held_back"]


def test_a_day_has_its_limit_and_a_new_day_a_new_one(ctx: Context, stack: Stack) -> None:
    for size in (2, 3, 4):
        check(ctx, stack, change(size=size))
        for operation in reconciles(ctx, stack)[size - 2 :]:
            end(ctx, operation)
    assert len(reconciles(ctx, stack)) == 2
    assert "2 times" in kept(ctx, stack)["held_back"]
    with ctx.write() as session:
        for row in session.scalars(select(Operation).where(Operation.type == "reconcile")):
            row.created_at -= timedelta(hours=25)
    check(ctx, stack, change(size=4))
    assert len(reconciles(ctx, stack)) == 3


def test_a_failure_turns_it_off_until_a_person_turns_it_on_again(
    ctx: Context, stack: Stack
) -> None:
    check(ctx, stack, change(size=2))
    end(ctx, reconciles(ctx, stack)[0], TerraformError("The quota is used up."))
    off = kept(ctx, stack)
    assert off["off_since"]
    assert "The quota is used up." in off["off_reason"]
    with ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.action == "stack.auto_reconcile_off")
        assert [event.actor for event in session.scalars(query)] == ["system"]
    with ctx.write() as session:
        session.get_one(Stack, stack.id).status = "ready"
    check(ctx, stack, change(size=3))
    assert len(reconciles(ctx, stack)) == 1
    allow(ctx, stack)
    assert not kept(ctx, stack).get("off_since")
    check(ctx, stack, change(size=3))
    assert len(reconciles(ctx, stack)) == 2


def test_a_person_who_cancels_it_turns_it_off(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    with perform(ctx, ADMIN) as work:
        control.cancel(work, reconciles(ctx, stack)[0].id)
    assert "canceled" in kept(ctx, stack)["off_reason"]


def test_reality_that_moved_on_meanwhile_is_no_failure(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    end(ctx, reconciles(ctx, stack)[0], DriftChangedError("Reality is not as shown."))
    assert not kept(ctx, stack).get("off_since")


def test_a_reconcile_that_a_person_asked_for_turns_nothing_off(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, change(size=2))
    (operation,) = reconciles(ctx, stack)
    with ctx.write() as session:
        session.get_one(Operation, operation.id).requested_by = "ann"
    end(ctx, operation, TerraformError("The quota is used up."))
    assert not kept(ctx, stack).get("off_since")
