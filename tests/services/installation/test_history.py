"""History that is old goes, a little at a time; what is needed stays however old it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select
from ulid import ULID

from app.clock import utc_now
from app.domain import ids
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL, OperationStatus
from app.errors import NotFoundError
from app.models import (
    AuditEvent,
    DriftFinding,
    DriftReport,
    Operation,
    OperationEvent,
    OperationStep,
    Stack,
    StateVersion,
    StoredPlan,
)
from app.services import lookup
from app.services.context import Context, build_context
from app.services.installation import history
from app.services.installation.history import HistoryKeeper
from app.services.installation.setup import prepare
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE
from tests.services.some_stacks import create, make_ready

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings) -> Iterator[Context]:
    """A Landform with the defaults."""
    settings = make_prepared_settings(redis_url=NOWHERE)
    prepare(settings, "a token of no cloud")
    made = build_context(settings)
    yield made
    made.db.close()


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def id_at(prefix: str, moment: datetime) -> str:
    return f"{prefix}_{str(ULID.from_datetime(moment)).lower()}"


def past(
    ctx: Context,
    stack: Stack,
    age: timedelta,
    kind: str = "apply",
    status: str = "applied",
    events: int = 2,
    **values: Any,
) -> str:
    """Have an operation that ended so long ago, with its story; return its id."""
    then = utc_now() - age
    name = id_at(ids.OPERATION, then)
    is_over = OperationStatus(status) in FINAL
    row = Operation(
        id=name,
        stack_id=stack.id,
        type=kind,
        status=status,
        created_at=then,
        ended_at=then if is_over else None,
        **{"requested_by": "admin", "has_applied": kind == "apply", **values},
    )
    with ctx.write() as session:
        session.add(row)
        session.flush()
        step = {"operation_id": name, "name": "plan", "status": "done", "started_at": then}
        event = {"operation_id": name, "at": then, "type": "note", "message": "x" * 200}
        session.execute(insert(OperationStep), [step])
        session.execute(insert(OperationEvent), [event] * events)
        plan = {"operation_id": name, "sealed_changes": b"x", "created_at": then}
        session.execute(insert(StoredPlan), [plan])
    return name


def report(ctx: Context, stack: Stack, operation_id: str, age: timedelta, **values: Any) -> str:
    then = utc_now() - age
    name = id_at(ids.DRIFT_REPORT, then)
    values = {"status": "in_sync", "changes": [], **values}
    row = DriftReport(
        id=name, stack_id=stack.id, operation_id=operation_id, checked_at=then, **values
    )
    with ctx.write() as session:
        session.add(row)
    return name


def finding(ctx: Context, stack: Stack, report_id: str, age: timedelta, **values: Any) -> str:
    then = utc_now() - age
    name = id_at(ids.DRIFT_FINDING, then)
    texts = ("cause", "type", "name", "values_digest", "severity_reason")
    row = DriftFinding(
        id=name,
        stack_id=stack.id,
        key=name,
        change="updated",
        severity="medium",
        report_id=report_id,
        first_seen_at=then,
        last_seen_at=then,
        changed_at=then,
        attributes=[],
        **{**dict.fromkeys(texts, "x"), **values},
    )
    with ctx.write() as session:
        session.add(row)
    return name


def version(ctx: Context, stack: Stack, operation_id: str, serial: int) -> None:
    with ctx.write() as session:
        session.add(
            StateVersion(
                id=f"sv_{serial}",
                stack_id=stack.id,
                serial=serial,
                lineage="a",
                sha256="0" * 64,
                size_bytes=1,
                terraform_version="1",
                operation_id=operation_id,
                created_at=utc_now(),
                created_by="admin",
            )
        )


def go_through(ctx: Context) -> int:
    """Make a whole pass; return how many steps it took."""
    keeper, steps = HistoryKeeper(), 1
    while keeper.take_step(ctx):
        steps += 1
    return steps


def kept(ctx: Context, model: Any = Operation) -> set[str]:
    with ctx.read() as session:
        return set(session.scalars(select(model.id)))


def with_story(ctx: Context) -> set[str]:
    found: set[str] = set()
    with ctx.read() as session:
        for model in (OperationEvent, OperationStep, StoredPlan):
            found |= set(session.scalars(select(model.operation_id)))
    return found


def test_the_defaults(ctx: Context) -> None:
    settings = ctx.settings
    found = (settings.operation_keep_days, settings.unchanged_keep_days, settings.check_keep_hours)
    assert (*found, settings.report_keep_days, settings.finding_keep_days) == (365, 30, 1, 90, 365)


def test_nothing_is_kept_for_no_time_but_quiet_checks(make_settings: MakeSettings) -> None:
    for name in (
        "operation_keep_days",
        "unchanged_keep_days",
        "report_keep_days",
        "finding_keep_days",
    ):
        with pytest.raises(ValueError, match=name):
            make_settings(**{name: 0})
        with pytest.raises(ValueError, match=name):
            make_settings(**{name: 10**9})
    assert make_settings(check_keep_hours=0).check_keep_hours == 0


def test_an_old_operation_goes_with_all_that_it_had(ctx: Context, stack: Stack) -> None:
    old, recent = (past(ctx, stack, age * DAY) for age in (366, 364))
    before = kept(ctx, AuditEvent)
    go_through(ctx)
    assert old not in kept(ctx)
    assert with_story(ctx) == {recent}
    assert kept(ctx, AuditEvent) == before
    with ctx.read() as session, pytest.raises(NotFoundError) as caught:
        lookup.operation_by_id(session, ADMIN, old)
    assert "removed" in caught.value.advice


def test_a_plan_loses_its_story_and_stays_in_the_list(ctx: Context, stack: Stack) -> None:
    plans = [past(ctx, stack, age * DAY, "plan", "planned_and_finished") for age in (31, 29)]
    go_through(ctx)
    assert kept(ctx) >= set(plans)
    assert with_story(ctx) == {plans[1]}


def test_quiet_checks_go_within_hours_but_for_the_last(ctx: Context, stack: Stack) -> None:
    quiet = {"kind": "drift_check", "status": "planned_and_finished", "requested_by": "system"}
    checks = [past(ctx, stack, age * HOUR, **quiet) for age in (30, 20, 10)]
    loud = past(ctx, stack, 9 * HOUR, **quiet)
    report(ctx, stack, loud, 9 * HOUR)
    asked = past(ctx, stack, 8 * HOUR, "drift_check", "planned_and_finished")
    last = past(ctx, stack, 7 * HOUR, **quiet)
    go_through(ctx)
    assert not kept(ctx) & set(checks)
    assert {loud, asked, last} <= with_story(ctx) & kept(ctx)


def test_what_a_person_may_still_need_stays_whole(ctx: Context, stack: Stack) -> None:
    needed = {
        past(ctx, stack, 900 * DAY, status="interrupted", possibly_orphaned=[{"id": "i-1"}]),
        past(ctx, stack, 899 * DAY, has_unsaved_state=True),
        past(ctx, stack, 900 * DAY, status="interrupted", holds_back=True, resolution={"by": "a"}),
        past(ctx, stack, 898 * DAY, status="planned"),
        past(ctx, stack, 897 * DAY, status="errored"),
        past(ctx, stack, 896 * DAY, "rollback"),  # the last of its kind
    }
    go_through(ctx)
    assert needed <= kept(ctx) & with_story(ctx)


def test_a_resolved_interruption_grows_old_like_others(ctx: Context, stack: Stack) -> None:
    resolved = past(ctx, stack, 900 * DAY, status="interrupted", resolution={"action": "accept"})
    past(ctx, stack, 10 * DAY, status="interrupted")
    adopting = past(ctx, stack, 9 * DAY, status="pending", resolves_id=resolved)
    go_through(ctx)
    assert resolved in kept(ctx) & with_story(ctx), "what resolves it has not ended"
    with ctx.write() as session:
        session.get_one(Operation, adopting).status = "applied"
    go_through(ctx)
    assert resolved not in kept(ctx)


def test_what_is_referred_to_keeps_its_row(ctx: Context, stack: Stack) -> None:
    saved, approved, reported, orphaning = (past(ctx, stack, n * DAY) for n in (904, 903, 902, 901))
    past(ctx, stack, DAY)
    version(ctx, stack, saved, 1)
    with ctx.write() as session:
        session.get_one(Operation, approved).approved_by = "admin"
    shown = report(ctx, stack, reported, 902 * DAY)
    finding(ctx, stack, shown, DAY, orphaned_by=orphaning)
    go_through(ctx)
    assert {saved, approved, reported, orphaning} <= kept(ctx)
    assert not {saved, approved, reported, orphaning} & with_story(ctx)


def test_old_reports_go_but_for_those_that_something_names(ctx: Context, stack: Stack) -> None:
    check = past(ctx, stack, 2 * DAY, "drift_check", "planned_and_finished")
    names = [report(ctx, stack, check, age * DAY) for age in (100, 99, 98, 97, 96, 95)]
    _, found, accepted, shown, _, conclusive = names
    recent = report(ctx, stack, check, 80 * DAY, status="unknown")
    finding(ctx, stack, found, 99 * DAY)
    past(ctx, stack, 98 * DAY, "accept_drift", options={"report_id": accepted})
    with ctx.write() as session:
        session.get_one(Stack, stack.id).drift_report_id = shown
    go_through(ctx)
    assert kept(ctx, DriftReport) == {found, accepted, shown, conclusive, recent}


def test_a_report_of_old_that_is_confirmed_to_this_day_stays(ctx: Context, stack: Stack) -> None:
    check = past(ctx, stack, 200 * DAY, "drift_check", "planned_and_finished")
    old = report(ctx, stack, check, 200 * DAY)
    with ctx.write() as session:
        session.get_one(DriftReport, old).checked_at = utc_now()
    report(ctx, stack, check, 100 * DAY)
    report(ctx, stack, check, 95 * DAY)
    go_through(ctx)
    assert old in kept(ctx, DriftReport)
    assert len(kept(ctx, DriftReport)) == 2


def test_only_findings_that_have_been_over_for_long_go(ctx: Context, stack: Stack) -> None:
    over = finding(ctx, stack, "r", 800 * DAY, gone_since=utc_now() - 366 * DAY)
    open_, lately = (
        finding(ctx, stack, "r", 800 * DAY),
        finding(ctx, stack, "r", 800 * DAY, gone_since=utc_now() - 364 * DAY),
    )
    go_through(ctx)
    assert kept(ctx, DriftFinding) == {open_, lately}
    assert over not in kept(ctx, DriftFinding)


def test_a_deleted_stack_keeps_its_last_operation_alone(ctx: Context, stack: Stack) -> None:
    with ctx.write() as session:
        session.get_one(Stack, stack.id).deleted_at = utc_now() - 500 * DAY
        session.execute(delete(Operation))
    past(ctx, stack, 502 * DAY)
    last = past(ctx, stack, 500 * DAY, "destroy")
    go_through(ctx)
    assert kept(ctx) == {last}


def test_with_the_clock_set_back_nothing_goes(
    ctx: Context, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {past(ctx, stack, age * DAY) for age in (900, 800, 700)}
    back = utc_now() - 1000 * DAY
    monkeypatch.setattr(history, "utc_now", lambda: back)
    go_through(ctx)
    assert names <= kept(ctx) & with_story(ctx)


def test_a_backlog_goes_in_short_steps(
    ctx: Context, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "LOOKED_AT", 4)
    monkeypatch.setattr(history, "EVENTS_AT_ONCE", 3)
    monkeypatch.setattr(history, "EVENTS_IN_A_STEP", 9)
    old = {past(ctx, stack, age * DAY, events=10) for age in range(400, 410)}
    keeper, most, before = HistoryKeeper(), 0, count_events(ctx)
    while keeper.take_step(ctx):
        left = count_events(ctx)
        most, before = max(most, before - left), left
    assert most <= 9
    assert not old & kept(ctx)
    assert go_through(ctx) <= 5, "nothing is left to do"


def count_events(ctx: Context) -> int:
    with ctx.read() as session:
        return session.scalar(select(func.count()).select_from(OperationEvent)) or 0


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["apply", "plan", "drift_check", "destroy", "accept_drift"]),
        st.sampled_from(
            ["applied", "planned_and_finished", "errored", "interrupted", "pending", "canceled"]
        ),
        st.integers(0, 800),  # days
        st.booleans(),  # on schedule
        st.sampled_from(["", "version", "report", "approved", "resolved", "unsaved", "orphaned"]),
    ),
    max_size=12,
)


@given(OPERATIONS)
@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_history_loses_what_is_needed(ctx: Context, stack: Stack, rows: list[Any]) -> None:
    with ctx.write() as session:
        for model in (
            DriftFinding,
            DriftReport,
            StateVersion,
            OperationEvent,
            OperationStep,
            StoredPlan,
            Operation,
        ):
            session.execute(delete(model))
    whole, alone = set(), set()
    for number, (kind, status, days, is_clock, mark) in enumerate(rows):
        age = days * DAY + number * HOUR
        by = "system" if is_clock else "admin"
        name = past(ctx, stack, age, kind, status, requested_by=by)
        with ctx.write() as session:
            row = session.get_one(Operation, name)
            row.approved_by = "admin" if mark == "approved" else None
            row.resolution = {"action": "accept"} if mark == "resolved" else None
            row.has_unsaved_state = mark == "unsaved"
        if mark == "version":
            version(ctx, stack, name, number)
        if mark == "report":
            report(ctx, stack, name, min(age, 80 * DAY))
        if mark == "orphaned":
            finding(ctx, stack, "r", HOUR, orphaned_by=name)
        is_open = status == "interrupted" and mark != "resolved"
        is_young = days < 365 and not (kind == "drift_check" and is_clock)
        if status == "pending" or is_open or mark == "unsaved":
            whole.add(name)
        if mark in ("version", "report", "approved", "orphaned") or is_young:
            alone.add(name)
    present = kept(ctx)
    whole |= {max(present)} if present else set()
    go_through(ctx)
    assert whole <= kept(ctx) & with_story(ctx)
    assert alone <= kept(ctx)
    settled = (kept(ctx), with_story(ctx))
    go_through(ctx)
    assert (kept(ctx), with_story(ctx)) == settled


def test_the_types_that_name_reports_are_those_with_such_an_option() -> None:
    about = types_where(lambda facts: facts.is_about_drift)
    assert about
    assert about == types_where(lambda facts: "report_id" in facts.takes)
