"""What becomes of operations as they grow old."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.history import Fate, PastOperation, Retention, fate_of
from app.domain.operations import FINAL, OperationStatus, OperationType

NOW = datetime(2026, 11, 30, tzinfo=UTC)
DAY = timedelta(days=1)
RETENTION = Retention(operations=365 * DAY, unchanged=30 * DAY, checks=timedelta(hours=1))

APPLY = PastOperation(
    type=OperationType.APPLY,
    status=OperationStatus.APPLIED,
    ended_at=NOW - 400 * DAY,
    is_scheduled=False,
    has_applied=True,
    is_open=False,
    is_latest=False,
    is_referred_to=False,
    has_report=False,
)
PLAN = replace(
    APPLY,
    type=OperationType.PLAN,
    status=OperationStatus.PLANNED_AND_FINISHED,
    has_applied=False,
    ended_at=NOW - 31 * DAY,
)
CHECK = replace(PLAN, type=OperationType.DRIFT_CHECK, ended_at=NOW - timedelta(hours=2))
SCHEDULED = replace(CHECK, is_scheduled=True)

days = st.integers(0, 36_500).map(lambda count: count * DAY)
operations = st.builds(
    PastOperation,
    type=st.sampled_from(OperationType),
    status=st.sampled_from(OperationStatus),
    ended_at=st.none() | st.integers(-4000, 4000).map(lambda count: NOW - count * DAY),
    is_scheduled=st.booleans(),
    has_applied=st.booleans(),
    is_open=st.booleans(),
    is_latest=st.booleans(),
    is_referred_to=st.booleans(),
    has_report=st.booleans(),
)


def fate(operation: PastOperation) -> Fate:
    return fate_of(operation, RETENTION, NOW)


def test_an_operation_goes_after_its_days_and_not_before() -> None:
    assert fate(APPLY) is Fate.REMOVE
    assert fate(replace(APPLY, ended_at=NOW - 365 * DAY)) is Fate.KEEP


def test_what_changed_nothing_loses_its_story_first() -> None:
    assert fate(PLAN) is Fate.STRIP
    assert fate(replace(PLAN, ended_at=NOW - 30 * DAY)) is Fate.KEEP
    assert fate(replace(APPLY, ended_at=NOW - 31 * DAY)) is Fate.KEEP
    failed = replace(PLAN, status=OperationStatus.ERRORED)
    assert fate(failed) is Fate.KEEP, "why it failed is wanted for longer"
    assert fate(replace(PLAN, has_applied=True)) is Fate.KEEP


def test_only_a_scheduled_check_without_a_report_goes_within_hours() -> None:
    assert fate(SCHEDULED) is Fate.REMOVE
    assert fate(CHECK) is Fate.KEEP, "a person asked for it"
    assert fate(replace(SCHEDULED, has_report=True, is_referred_to=True)) is Fate.KEEP
    assert fate(replace(SCHEDULED, status=OperationStatus.ERRORED)) is Fate.KEEP


def test_what_is_referred_to_keeps_its_row_alone() -> None:
    assert fate(replace(APPLY, is_referred_to=True)) is Fate.STRIP


@given(operations, st.builds(Retention, operations=days, unchanged=days, checks=days))
def test_whatever_the_settings_are_nothing_needed_is_touched(
    operation: PastOperation, retention: Retention
) -> None:
    found = fate_of(operation, retention, NOW)
    is_over = operation.status in FINAL and operation.ended_at is not None
    if not is_over or operation.is_open or operation.is_latest:
        assert found is Fate.KEEP
    if operation.is_referred_to:
        assert found is not Fate.REMOVE
    if operation.ended_at is not None and operation.ended_at >= NOW:
        assert found is Fate.KEEP, "the clock was set back"
    if found is not Fate.KEEP:
        assert operation.ended_at is not None
        assert NOW - operation.ended_at > retention.shortest


@given(operations, st.builds(Retention, operations=days, unchanged=days, checks=days), days)
def test_what_was_removed_once_never_would_come_back(
    operation: PastOperation, retention: Retention, later: timedelta
) -> None:
    order = [Fate.KEEP, Fate.STRIP, Fate.REMOVE]
    before, after = (fate_of(operation, retention, now) for now in (NOW, NOW + later))
    assert order.index(before) <= order.index(after)
