"""A ring says only that there is work; SQL decides which, within the limits."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest
from sqlalchemy import select

from app.domain.operations import OperationType
from app.domain.queueing import SYSTEM, Waiting
from app.models import Operation, Stack
from app.services.drift.queue_due import claim_due
from app.services.engine.claims import claim
from app.services.queue.admission import read_shortage
from app.services.queue.dispatch import choose_next, record_capacity
from app.services.queue.waits import queue_priority
from app.terraform.identity import ProcessIdentity
from tests.landform import Landform


@pytest.fixture
def process() -> dict[str, object]:
    return ProcessIdentity.of(os.getpid()).to_dict()


def settings_of(landform: Landform, **changes: object) -> None:
    changed = landform.settings.model_copy(update=changes)
    object.__setattr__(landform.ctx, "settings", changed)


def queue_scheduled_check(landform: Landform, stack: Stack) -> Operation:
    with landform.ctx.write() as session:
        session.get_one(Stack, stack.id).schedule.next_check_at = datetime(2020, 1, 1, tzinfo=UTC)
    assert claim_due(landform.ctx) == 1
    return landform.pending(stack)[-1]


@pytest.mark.thorough
def test_a_change_overtakes_a_scheduled_check(landform: Landform, network: Stack) -> None:
    check = queue_scheduled_check(landform, network)
    _, urgent = landform.create("bucket", "media")
    assert choose_next(landform.ctx).id == urgent.id
    landform.engine.work()
    assert landform.operation(urgent.id).status == "applied"
    assert landform.operation(check.id).status == "pending"
    landform.engine.work()
    assert landform.operation(check.id).status == "planned_and_finished"
    assert choose_next(landform.ctx) is None


def test_a_project_at_its_limit_waits_and_says_so(
    landform: Landform, process: dict[str, object]
) -> None:
    settings_of(landform, project_limit=1)
    _, first = landform.create("bucket", "one")
    _, second = landform.create("bucket", "two")
    assert claim(landform.ctx, first.id, "one", process) is not None
    assert choose_next(landform.ctx) is None
    record_capacity(landform.ctx)
    reason = landform.waiting_for(second)
    assert reason is not None
    assert reason["reason"] == "project_limit"


def test_without_memory_nothing_starts_and_the_reason_is_shown(landform: Landform) -> None:
    settings_of(landform, operation_memory_mib=10**9)
    _, operation = landform.create("bucket", "one")
    landform.engine.work()
    assert landform.operation(operation.id).status == "pending"
    record_capacity(landform.ctx)
    reason = landform.waiting_for(operation)
    assert reason is not None
    assert reason["reason"] == "memory"
    settings_of(landform, operation_memory_mib=0)
    landform.engine.work()
    assert landform.operation(operation.id).status == "applied"


def test_a_cloud_whose_provider_takes_too_much_waits_alone(landform: Landform) -> None:
    _, operation = landform.create("bucket", "one")
    heavy = replace(landform.ctx.catalog.clouds["aws"], memory_mib=10**9)
    clouds = {**landform.ctx.catalog.clouds, "aws": heavy}
    landform.use(replace(landform.ctx, catalog=replace(landform.ctx.catalog, clouds=clouds)))
    with landform.ctx.read() as session:
        assert {cloud for cloud, _ in read_shortage(landform.ctx, session)} == {"aws"}
    assert choose_next(landform.ctx).id == operation.id
    with landform.ctx.write() as session:
        session.get_one(Stack, operation.stack_id).cloud = "aws"
    assert choose_next(landform.ctx) is None
    record_capacity(landform.ctx)
    reason = landform.waiting_for(operation)
    assert reason is not None
    assert reason["reason"] == "memory"
    assert str(10**9) in reason["detail"]


def test_the_position_in_the_queue_follows_the_priorities(
    landform: Landform, network: Stack
) -> None:
    check = queue_scheduled_check(landform, network)
    _, urgent = landform.create("bucket", "media")
    positions = [landform.waiting_for(each) for each in (urgent, check)]
    assert [each["position"] for each in positions if each] == [1, 2]


def test_sql_counts_the_queue_by_the_priorities_of_the_rule(landform: Landform) -> None:
    stack, operation = landform.create("bucket", "media")
    with landform.ctx.write() as session:
        row = session.get_one(Operation, operation.id)
        for kind, by in product(OperationType, (SYSTEM, "admin")):
            row.type, row.requested_by = kind, by
            session.flush()
            counted = session.scalar(select(queue_priority()).where(Operation.id == row.id))
            assert counted == Waiting(row.id, stack.project_id, kind, by).priority, (kind, by)


def test_a_stack_that_is_held_is_not_chosen(
    landform: Landform, network: Stack, process: dict[str, object]
) -> None:
    first = landform.request(network, OperationType.PLAN)
    landform.request(network, OperationType.APPLY)
    assert choose_next(landform.ctx).id == first.id, (
        "the order within a stack comes before priority"
    )
    assert claim(landform.ctx, first.id, "one", process) is not None
    assert choose_next(landform.ctx) is None


def test_a_worker_rehearses_as_soon_as_there_is_an_operation_and_changes_nothing(
    landform: Landform,
) -> None:
    assert not landform.engine.rehearse()
    _, operation = landform.create("bucket", "media")
    assert landform.engine.rehearse()
    left = landform.operation(operation.id)
    assert (left.status, left.fence, left.owner) == ("pending", 0, None)
