"""Windows of a project for checks: the clock rests outside them, people do not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.change_windows import DAYS
from app.domain.operations import OperationType
from app.errors import ValidationError
from app.models import Operation, Project, Schedule, Stack
from app.services.context import Context
from app.services.drift.health import follow_check, read_overdue
from app.services.drift.queue_due import claim_due
from app.services.drift.sweep import CheckFilter, check_many
from app.services.operations import control
from app.services.schedules.next_check import next_check
from app.services.schedules.settings import (
    DriftSettings,
    ProjectDrift,
    Rhythm,
    change_project_drift,
    change_schedule,
)
from app.services.work import perform
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready

HOURLY = Rhythm(3600)


def in_two_days() -> datetime:
    return (utc_now() + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)


def window(effect: str, *days: str, start: str = "00:00", end: str = "00:00") -> dict[str, Any]:
    return {"effect": effect, "days": list(days), "start": start, "end": end, "timezone": "UTC"}


def open_in_two_days() -> list[dict[str, Any]]:
    return [window("allow", DAYS[in_two_days().weekday()])]


def set_windows(ctx: Context, windows: list[dict[str, Any]]) -> None:
    with ctx.write() as session:
        project = session.scalars(select(Project).where(Project.name == "default")).one()
        change_project_drift(session, ctx.settings, project, ProjectDrift(windows=windows))


def make_due(ctx: Context, stack: Stack) -> None:
    with ctx.write() as session:
        session.get_one(Schedule, stack.id).next_check_at = utc_now()


def shown(ctx: Context, stack: Stack) -> datetime | None:
    with ctx.read() as session:
        return next_check(session.get_one(Stack, stack.id))


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def test_what_is_due_outside_the_windows_is_checked_once_when_they_open(
    ctx: Context, stack: Stack
) -> None:
    set_windows(ctx, open_in_two_days())
    make_due(ctx, stack)
    assert claim_due(ctx) == 0
    assert shown(ctx, stack) == in_two_days()
    with ctx.read() as session:
        late = read_overdue(session, timedelta(seconds=-1))
    assert late.count == 0, "nobody is late before they open"
    set_windows(ctx, [])
    make_due(ctx, stack)
    assert claim_due(ctx) == 1
    assert claim_due(ctx) == 0


def test_it_is_shown_when_the_windows_let_the_next_check_be(ctx: Context, stack: Stack) -> None:
    soon = shown(ctx, stack)
    assert soon is not None
    set_windows(ctx, open_in_two_days())
    assert shown(ctx, stack) == in_two_days() > soon
    set_windows(ctx, [window("deny", *DAYS)])
    assert shown(ctx, stack) is None, "they never open"
    make_due(ctx, stack)
    assert claim_due(ctx) == 0


def test_windows_hold_for_a_stack_with_a_rhythm_of_its_own(ctx: Context, stack: Stack) -> None:
    with ctx.write() as session:
        row = session.get_one(Schedule, stack.id)
        change_schedule(row, DriftSettings(cron="* * * * *"), HOURLY)
    set_windows(ctx, open_in_two_days())
    make_due(ctx, stack)
    assert claim_due(ctx) == 0
    with ctx.read() as session:
        assert session.get_one(Schedule, stack.id).cron == "* * * * *"
    set_windows(ctx, [])
    found = shown(ctx, stack)
    assert found is not None
    assert found <= utc_now() + timedelta(minutes=1), "it waits for the former windows no longer"


def test_people_have_a_stack_checked_at_any_time(ctx: Context, stack: Stack) -> None:
    set_windows(ctx, open_in_two_days())
    with perform(ctx, ADMIN) as work:
        many = check_many(work, CheckFilter())
        _, one = control.request_operation(work, stack.id, OperationType.DRIFT_CHECK)
    assert (many.due, many.not_watched) == (0, 1), "many are checked as on schedule"
    assert one.status == "pending"


def test_a_failed_check_is_promised_for_the_next_opening(ctx: Context, stack: Stack) -> None:
    make_due(ctx, stack)
    assert claim_due(ctx) == 1
    set_windows(ctx, open_in_two_days())
    with ctx.write() as session:
        check = session.scalars(
            select(Operation).where(Operation.type == OperationType.DRIFT_CHECK)
        ).one()
        more = follow_check(check, has_failed=True)
    assert datetime.fromisoformat(more["tried_again_at"]) == in_two_days()


def test_a_window_that_makes_no_sense_is_refused(ctx: Context) -> None:
    nowhere = window("allow", "mon") | {"timezone": "Mars/Olympus"}
    with pytest.raises(ValidationError) as caught:
        set_windows(ctx, [window("allow", "mon"), nowhere])
    assert caught.value.problems[0].pointer == "/drift/windows/1/timezone"
