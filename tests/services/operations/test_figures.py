"""What Prometheus is told of operations: where they stand, why they wait, how long they take."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus, OperationType
from app.models import Operation
from app.services.context import Context
from app.services.operations.figures import (
    count_ended,
    count_unfinished,
    count_unresolved,
    measure_operations,
    read_queue,
)
from tests.services.operations.test_statistics import add
from tests.services.some_stacks import ask, create, make_ready, set_to

HOUR = timedelta(hours=1)


def test_operations_are_counted_by_status_and_those_of_earlier_days_are_not(ctx: Context) -> None:
    stack = create(ctx, "web")
    with ctx.write() as session:
        add(session, stack.id, utc_now() - HOUR, "applied", "apply")
        add(session, stack.id, utc_now() - HOUR, "errored", "destroy")
        add(session, stack.id, utc_now() - HOUR, "errored", "drift_check")
        add(session, stack.id, utc_now() - 25 * HOUR, "interrupted", "apply").holds_back = True
    with ctx.read() as session:
        assert count_ended(session) == {
            "applied": 1,
            "errored": 1,
            "interrupted": 0,
            "canceled": 0,
            "discarded": 0,
        }
        assert count_unresolved(session) == 1
        unfinished = count_unfinished(session)
    assert unfinished["pending"] == 1, "the creation of the stack"
    assert set(unfinished) == {"pending", "planning", "planned", "applying", "canceling"}


def test_the_oldest_that_waits_for_landform_counts_and_not_what_waits_for_its_stack(
    ctx: Context,
) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    running, waiting = ask(ctx, stack, OperationType.APPLY), ask(ctx, stack, OperationType.PLAN)
    set_to(ctx, running, status=OperationStatus.APPLYING.value)
    set_to(ctx, waiting, created_at=utc_now() - HOUR)
    with ctx.read() as session:
        queue = read_queue(session)
    assert queue.by_reason["operation"] == 1
    assert queue.by_reason["worker"] == 0
    assert queue.oldest_seconds == 0
    set_to(ctx, running, status=OperationStatus.APPLIED.value)
    with ctx.read() as session:
        queue = read_queue(session)
    assert queue.by_reason["worker"] == 1
    assert queue.oldest_seconds == pytest.approx(3600, abs=60)


def test_waiting_and_lead_time_are_those_of_applied_operations(ctx: Context) -> None:
    stack = create(ctx, "web")
    made = utc_now() - HOUR
    with ctx.read() as session:
        assert measure_operations(session).lead == {}
    with ctx.write() as session:
        timed(session, stack.id, made, 2, 10)
    with ctx.read() as session:
        assert measure_operations(session).lead == {"0.5": 10, "0.95": 10}
    with ctx.write() as session:
        timed(session, stack.id, made, 4, 20)
        timed(session, stack.id, made, 6, 30)
        timed(session, stack.id, made, 500, 1000).status = "errored"
    with ctx.read() as session:
        measured = measure_operations(session)
    assert measured.wait == {"0.5": 4, "0.95": pytest.approx(5.8)}
    assert measured.lead == {"0.5": 20, "0.95": pytest.approx(29)}


def timed(session: Session, stack_id: str, made: datetime, wait: int, lead: int) -> Operation:
    row = add(session, stack_id, made, "applied", "apply")
    row.created_at = made
    row.started_at, row.ended_at = made + timedelta(seconds=wait), made + timedelta(seconds=lead)
    return row
