"""When drift is checked: intervals, cron lines, spread, what was missed, who is busy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.drift import next_check_at
from app.domain.operations import OperationType
from app.errors import ValidationError
from app.models import Operation, Project, Schedule, Stack
from app.services.context import Context
from app.services.drift.queue_due import claim_due
from app.services.operations import control
from app.services.queue.dispatch import choose_next
from app.services.queue.order import next_in_line
from app.services.queue.waits import waits_of
from app.services.schedules.next_check import following_check, is_watched
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

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HOURLY = Rhythm(3600)


def schedule(**more: object) -> Schedule:
    values: dict[str, object] = {
        "stack_id": "stk_a",
        "is_enabled": True,
        "cron": None,
        "failures": 0,
    }
    return Schedule(**{**values, "interval_seconds": 600, "next_check_at": NOON, **more})


def make_due(ctx: Context, stack: Stack, when: datetime = LONG_AGO) -> None:
    with ctx.write() as session:
        session.get_one(Schedule, stack.id).next_check_at = when


def checks_of(ctx: Context, stack: Stack) -> list[Operation]:
    with ctx.read() as session:
        query = select(Operation).where(
            Operation.stack_id == stack.id, Operation.type == OperationType.DRIFT_CHECK
        )
        return list(session.scalars(query))


def test_the_checks_of_a_fleet_are_spread_over_a_tenth_of_the_interval() -> None:
    moments = {next_check_at(NOON, 1000, f"stk_{number}") for number in range(200)}
    assert min(moments) > NOON + timedelta(seconds=900)
    assert max(moments) <= NOON + timedelta(seconds=1000)
    assert len(moments) > 50


def test_the_period_of_one_stack_is_even() -> None:
    first = next_check_at(NOON, 1000, "stk_a")
    assert next_check_at(first, 1000, "stk_a") - first == first - NOON


def test_a_cron_line_means_utc_and_the_next_match_after_now() -> None:
    daily = schedule(cron="30 4 * * *")
    assert following_check(daily, NOON) == datetime(2026, 11, 24, 4, 30, tzinfo=UTC)
    assert following_check(daily, datetime(2026, 11, 23, 4, 30, tzinfo=UTC)) == datetime(
        2026, 11, 24, 4, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "line",
    ["", "often", "* * * *", "* * * * * *", "61 * * * *", "0 0 31 2 *", "@daily", "* * * * *\n1"],
)
def test_a_line_that_is_no_cron_expression_is_refused(line: str) -> None:
    with pytest.raises(ValidationError) as caught:
        change_schedule(schedule(), DriftSettings(cron=line), HOURLY)
    assert caught.value.problems[0].pointer == "/drift/cron"


def test_interval_and_cron_together_are_refused() -> None:
    with pytest.raises(ValidationError):
        change_schedule(schedule(), DriftSettings(interval_seconds=60, cron="* * * * *"), HOURLY)


def test_an_interval_takes_the_place_of_a_cron_line() -> None:
    watched = schedule(cron="0 0 * * *")
    change_schedule(watched, DriftSettings(interval_seconds=60), HOURLY)
    assert (watched.interval_seconds, watched.cron) == (60, None)
    assert watched.next_check_at <= utc_now() + timedelta(seconds=60)


def test_what_was_missed_is_checked_once(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    assert claim_due(ctx) == 1
    assert claim_due(ctx) == 0
    assert len(checks_of(ctx, stack)) == 1
    with ctx.read() as session:
        assert session.get_one(Schedule, stack.id).next_check_at > utc_now()


@pytest.mark.parametrize("status", ["creating", "updating", "deleting", "deleted"])
def test_a_stack_that_is_not_at_rest_is_left_alone(ctx: Context, status: str) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    with ctx.write() as session:
        session.get_one(Stack, stack.id).status = status
    assert claim_due(ctx) == 0


def test_a_stack_that_was_never_applied_is_left_alone(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        row.status, row.applied_generation = "failed", 0
    assert claim_due(ctx) == 0


def test_a_stack_with_work_queued_is_checked_after_it(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    with perform(ctx, ADMIN) as work:
        _, plan = control.request_operation(work, stack.id, OperationType.PLAN)
    assert claim_due(ctx) == 0
    with ctx.write() as session:
        session.get_one(Operation, plan.id).status = "planned_and_finished"
    assert claim_due(ctx) == 1


def test_what_a_person_asks_passes_a_check_that_is_queued(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    make_due(ctx, stack)
    assert claim_due(ctx) == 1
    (check,) = checks_of(ctx, stack)
    with perform(ctx, ADMIN) as work:
        _, plan = control.request_operation(work, stack.id, OperationType.PLAN)
        _, later = control.request_operation(work, stack.id, OperationType.PLAN)
    assert choose_next(ctx).id == plan.id
    assert first_in_line(ctx, stack) == plan.id
    with ctx.read() as session:
        waits = waits_of(session, [session.get_one(Operation, each.id) for each in (check, later)])
    assert {each["operation_id"] for each in waits.values()} == {plan.id}
    with ctx.write() as session:
        for each in (plan, later):
            session.get_one(Operation, each.id).status = "planned_and_finished"
    assert choose_next(ctx).id == first_in_line(ctx, stack) == check.id


def test_a_check_that_a_person_asks_for_keeps_its_place(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    with perform(ctx, ADMIN) as work:
        kinds = (OperationType.DRIFT_CHECK, OperationType.PLAN)
        asked = [control.request_operation(work, stack.id, kind)[1] for kind in kinds]
    assert choose_next(ctx).id == first_in_line(ctx, stack) == asked[0].id


def first_in_line(ctx: Context, stack: Stack) -> str | None:
    with ctx.read() as session:
        found = next_in_line(session, stack.id)
        return found and found.id


def test_a_clock_that_jumps_ahead_and_back_makes_one_check_each_time(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)

    def end_check() -> None:
        with ctx.write() as session:
            for row in session.scalars(select(Operation).where(Operation.type == "drift_check")):
                row.status = "planned_and_finished"

    with monkeypatch.context() as patch:
        patch.setattr(
            "app.services.drift.queue_due.utc_now", lambda: utc_now() + timedelta(days=300)
        )
        assert claim_due(ctx) == 1, "what seems missed is coalesced"
        end_check()
        assert claim_due(ctx) == 0
    assert claim_due(ctx) == 1, "and then it is checked by the right clock"
    end_check()
    assert claim_due(ctx) == 0
    assert schedule_of(ctx, stack).next_check_at < utc_now() + timedelta(days=2)


def test_a_schedule_that_is_switched_off_claims_nothing(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    with ctx.write() as session:
        change_schedule(session.get_one(Schedule, stack.id), DriftSettings(enabled=False), HOURLY)
    make_due(ctx, stack)
    assert claim_due(ctx) == 0


def change_project(ctx: Context, wanted: ProjectDrift) -> None:
    with ctx.write() as session:
        project = session.scalars(select(Project).where(Project.name == "default")).one()
        change_project_drift(session, ctx.settings, project, wanted)


def schedule_of(ctx: Context, stack: Stack) -> Schedule:
    with ctx.read() as session:
        return session.get_one(Schedule, stack.id)


def test_a_new_stack_follows_its_project_and_goes_on_to(ctx: Context) -> None:
    change_project(ctx, ProjectDrift(interval_seconds=7200))
    stack = create(ctx, "web")
    assert schedule_of(ctx, stack).interval_seconds == 7200
    change_project(ctx, ProjectDrift(cron="30 4 * * *"))
    found = schedule_of(ctx, stack)
    assert found.cron == "30 4 * * *"
    assert (found.next_check_at.hour, found.next_check_at.minute) == (4, 30)
    change_project(ctx, ProjectDrift(is_default=True))
    found = schedule_of(ctx, stack)
    assert (found.interval_seconds, found.cron) == (ctx.settings.drift_interval_seconds, None)


def test_a_stack_with_a_rhythm_of_its_own_keeps_it_until_it_gives_it_up(ctx: Context) -> None:
    stack = create(ctx, "web")
    with ctx.write() as session:
        row = session.get_one(Schedule, stack.id)
        change_schedule(row, DriftSettings(interval_seconds=60), HOURLY)
    change_project(ctx, ProjectDrift(interval_seconds=7200))
    assert schedule_of(ctx, stack).interval_seconds == 60
    with ctx.write() as session:
        row = session.get_one(Schedule, stack.id)
        assert change_schedule(row, DriftSettings(follow_project=True), Rhythm(7200))
    assert schedule_of(ctx, stack).interval_seconds == 7200


def test_two_rhythms_at_once_are_refused() -> None:
    wanted = DriftSettings(interval_seconds=60, follow_project=True)
    with pytest.raises(ValidationError):
        change_schedule(schedule(follows_project=False), wanted, HOURLY)


def test_a_paused_project_is_not_checked_and_what_it_missed_is_checked_once(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    change_project(ctx, ProjectDrift(enabled=False))
    make_due(ctx, stack)
    assert claim_due(ctx) == 0
    with ctx.read() as session:
        assert not is_watched(session.get_one(Stack, stack.id))
    change_project(ctx, ProjectDrift(enabled=True))
    assert claim_due(ctx) == 1
    assert claim_due(ctx) == 0


def test_a_clock_that_was_set_back_stops_no_check(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    ahead = utc_now() + timedelta(days=300)
    with ctx.write() as session:
        row = session.get_one(Schedule, stack.id)
        row.planned_at, row.next_check_at = ahead, ahead + timedelta(seconds=900)
    assert claim_due(ctx) == 1
    found = schedule_of(ctx, stack)
    assert found.next_check_at <= utc_now() + timedelta(seconds=900)
    with ctx.write() as session:
        session.get_one(Operation, checks_of(ctx, stack)[0].id).status = "planned_and_finished"
    assert claim_due(ctx) == 0, "and once is enough"


def test_clocks_of_two_hosts_that_differ_a_little_make_no_second_check(ctx: Context) -> None:
    stack = create(ctx, "web")
    make_ready(ctx, stack)
    with ctx.write() as session:
        row = session.get_one(Schedule, stack.id)
        row.planned_at = utc_now() + timedelta(seconds=30)
        row.next_check_at = row.planned_at + timedelta(seconds=900)
    assert claim_due(ctx) == 0
