"""The detector of drift: its pulse, what is overdue, what it has done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.clock import utc_now
from app.models import InstallationFact, Operation, Schedule, Stack
from app.services.context import Context
from app.services.drift.health import (
    PULSE,
    Overdue,
    count,
    follow_check,
    read_overdue,
    read_pulse,
    read_totals,
    record_pulse,
)
from app.services.drift.queue_due import claim_due
from tests.services.schedules.test_settings import checks_of, make_due
from tests.services.some_stacks import create, make_ready


def overdue(ctx: Context) -> Overdue:
    with ctx.read() as session:
        return read_overdue(session)


def test_it_is_unborn_then_alive_then_dead(ctx: Context) -> None:
    assert read_pulse(ctx).at is None
    assert not read_pulse(ctx).is_dead
    record_pulse(ctx)
    assert not read_pulse(ctx).is_dead
    with ctx.write() as session:
        session.get_one(InstallationFact, PULSE).updated_at = utc_now() - timedelta(seconds=90)
    assert read_pulse(ctx).is_dead


def test_what_nobody_claims_and_what_nobody_carries_out_is_overdue(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    assert overdue(ctx) == Overdue(0, None)
    hour_ago = utc_now() - timedelta(hours=1)
    make_due(ctx, stack, hour_ago)
    assert overdue(ctx) == Overdue(1, hour_ago)
    assert claim_due(ctx) == 1
    assert overdue(ctx).count == 0, "it was queued a moment ago"
    with ctx.write() as session:
        session.get_one(Operation, checks_of(ctx, stack)[0].id).created_at = hour_ago
    assert overdue(ctx) == Overdue(1, hour_ago)


@pytest.mark.parametrize("what", ["stack", "project"])
def test_what_is_paused_is_not_overdue(ctx: Context, what: str) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        if what == "stack":
            row.schedule.is_enabled = False
        else:
            row.project.drift_enabled = False
    assert overdue(ctx).count == 0


def test_a_failed_check_is_tried_again_ever_later_until_one_succeeds(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    claim_due(ctx)
    (check,) = checks_of(ctx, stack)
    pauses = []
    for _ in range(3):
        with ctx.write() as session:
            operation = session.get_one(Operation, check.id)
            operation.stack.drift_status = "unknown"
            more = follow_check(operation, has_failed=True)
            count(session, [operation])
            schedule = session.get_one(Schedule, stack.id)
            pauses.append(round((schedule.next_check_at - utc_now()).total_seconds() / 60))
            assert more["tried_again_at"]
    assert pauses == [1, 2, 4]
    with ctx.write() as session:
        operation = session.get_one(Operation, check.id)
        operation.stack.drift_status = "in_sync"
        assert follow_check(operation, has_failed=False) == {}
        count(session, [operation])
        assert session.get_one(Schedule, stack.id).failures == 0
    with ctx.read() as session:
        assert read_totals(session).by_verdict == {"in_sync": 1, "drifted": 0, "unknown": 3}


def test_a_failed_check_of_a_paused_stack_promises_nothing(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    claim_due(ctx)
    (check,) = checks_of(ctx, stack)
    with ctx.write() as session:
        session.get_one(Schedule, stack.id).is_enabled = False
        operation = session.get_one(Operation, check.id)
        assert follow_check(operation, has_failed=True) == {}
