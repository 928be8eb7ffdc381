"""Figures about operations: a day's outcomes, how long steps take; each caller sees its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.models import Operation, OperationStep, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.statistics import SHOWN_DAYS, count_by_day, measure_steps
from tests.landform import ADMIN
from tests.services.some_stacks import create


def test_operations_are_counted_by_the_day_on_which_they_were_asked_for(ctx: Context) -> None:
    stack = create(ctx, "web")
    today = datetime.combine(utc_now().date(), datetime.min.time(), UTC)
    with ctx.write() as session:
        for moment, status, type_ in (
            (today, "applied", "apply"),
            (today, "errored", "destroy"),
            (today, "interrupted", "apply"),
            (today, "planned_and_finished", "plan"),
            (today, "errored", "drift_check"),
            (today - timedelta(milliseconds=1), "discarded", "apply"),
            (today - timedelta(days=SHOWN_DAYS - 1), "canceled", "apply"),
            (today - timedelta(days=SHOWN_DAYS - 1, milliseconds=1), "applied", "apply"),
        ):
            add(session, stack.id, moment, status, type_)
    with ctx.read() as session:
        counts = list(count_by_day(session, ADMIN).values())
    assert len(counts) == SHOWN_DAYS
    assert counts[-1] == {"applied": 1, "failed": 2}
    assert counts[-2] == {"stopped": 1}
    assert counts[0] == {"stopped": 1}
    assert sum(len(day) for day in counts) == 4


def test_a_step_has_its_median_and_its_longest_time(ctx: Context) -> None:
    stack = create(ctx, "web")
    with ctx.write() as session:
        for seconds in (1, 2, 9):
            row = add(session, stack.id, utc_now(), "applied", "apply")
            step(session, row, "plan", seconds)
            step(session, row, "init", 0.5)
        failed = add(session, stack.id, utc_now(), "errored", "apply")
        step(session, failed, "plan", 1000)
    with ctx.read() as session:
        init, plan = measure_steps(session, ADMIN)
    assert (init.name, init.count, init.median_seconds) == ("init", 3, 0.5)
    assert (plan.name, plan.median_seconds, plan.longest_seconds) == ("plan", 2, 9)


def test_who_has_no_part_in_a_project_learns_nothing_of_it(ctx: Context) -> None:
    stack = create(ctx, "web")
    with ctx.write() as session:
        row = add(session, stack.id, utc_now(), "applied", "apply")
        step(session, row, "plan", 1)
    outsider = Principal(id="usr_x", name="x")
    with ctx.read() as session:
        assert not any(count_by_day(session, outsider).values())
        assert measure_steps(session, outsider) == []


@pytest.mark.parametrize("milliseconds", [0, 1, 86_400_000])
def test_the_first_id_of_a_moment_comes_before_all_that_follow(milliseconds: int) -> None:
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    first = ids.first_id(ids.OPERATION, now)
    assert ids.first_id(ids.OPERATION, now - timedelta(milliseconds=1)) < first
    assert first <= ids.first_id(ids.OPERATION, now + timedelta(milliseconds=milliseconds))
    assert ids.first_id(ids.OPERATION, utc_now() - timedelta(seconds=1)) < ids.new_id(ids.OPERATION)
    assert ids.new_id(ids.OPERATION) < ids.first_id(ids.OPERATION, utc_now() + timedelta(seconds=9))


def add(session: Session, stack_id: str, moment: datetime, status: str, type_: str) -> Operation:
    chance = ids.new_id("x")[-16:]
    row = Operation(
        id=ids.first_id(ids.OPERATION, moment) + chance,
        stack=session.get_one(Stack, stack_id),
        type=type_,
        status=status,
        requested_by="admin",
        created_at=moment,
    )
    session.add(row)
    session.flush()
    return row


def step(session: Session, row: Operation, name: str, seconds: float) -> None:
    now = utc_now()
    session.add(
        OperationStep(
            operation_id=row.id,
            name=name,
            status="done",
            started_at=now,
            ended_at=now + timedelta(seconds=seconds),
        )
    )
