"""Weekly windows that allow or deny: nights, time zones, daylight saving, and what comes next."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.domain.change_windows import DAYS, ChangeWindow, Effect, is_open, next_opening

# 23 November 2026 is a Monday.
MONDAY_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def window(start: str, end: str, **more: Any) -> ChangeWindow:
    values: dict[str, Any] = {"effect": "allow", "days": list(DAYS), "timezone": "UTC", **more}
    return ChangeWindow.from_dict({**values, "start": start, "end": end})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_without_windows_changes_are_always_allowed() -> None:
    assert is_open([], MONDAY_NOON)
    assert next_opening([], MONDAY_NOON) is None


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("11:00", "13:00", True),
        ("12:00", "13:00", True),
        ("11:00", "12:00", False),
        ("22:00", "04:00", False),
        ("12:00", "12:00", True),
        ("00:00", "00:00", True),
    ],
)
def test_a_window_has_its_start_and_not_its_end(start: str, end: str, expected: bool) -> None:
    assert is_open([window(start, end)], MONDAY_NOON) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-22T23:00", False),  # Sunday
        ("2026-11-23T21:59", False),
        ("2026-11-23T22:00", True),
        ("2026-11-24T03:59", True),  # Tuesday morning belongs to Monday's window
        ("2026-11-24T04:00", False),
        ("2026-11-24T22:30", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, expected: bool) -> None:
    assert is_open([window("22:00", "04:00", days=["mon"])], at(moment)) is expected


def test_a_deny_window_wins_over_an_allow_window() -> None:
    always, lunch = window("00:00", "00:00"), window("11:30", "12:30", effect="deny")
    assert not is_open([always, lunch], MONDAY_NOON)
    assert is_open([always, lunch], at("2026-11-23T12:30"))
    assert is_open([lunch], at("2026-11-23T13:00")), "outside it, deny windows alone allow"


def test_a_window_keeps_its_wall_clock_through_daylight_saving() -> None:
    nine = window("09:00", "10:00", timezone="Europe/Berlin")
    assert is_open([nine], at("2026-07-01T07:30"))
    assert not is_open([nine], at("2026-07-01T08:30"))
    assert is_open([nine], at("2026-12-01T08:30"))


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([window("22:00", "04:00")], "2026-11-23T22:00"),
        ([window("09:00", "10:00", days=["mon"])], "2026-11-30T09:00"),
        ([window("11:00", "13:00", effect="deny")], "2026-11-23T13:00"),
        (
            [window("09:00", "17:00"), window("00:00", "13:30", effect="deny", days=["mon"])],
            "2026-11-23T13:30",
        ),
        ([window("00:00", "00:00", effect="deny")], None),
    ],
)
def test_the_next_opening_is_known(windows: list[ChangeWindow], expected: str | None) -> None:
    assert next_opening(windows, MONDAY_NOON) == (expected and at(expected))


def test_a_window_survives_its_json_form() -> None:
    made = ChangeWindow(Effect.DENY, ("sun", "mon"), time(9, 5), time(17), "Europe/Berlin")
    shown = made.to_dict()
    assert (shown["days"], shown["start"]) == (["mon", "sun"], "09:05")
    assert ChangeWindow.from_dict(shown).to_dict() == shown


@pytest.mark.parametrize(
    ("start", "end", "days", "now", "opens_at"),
    [
        ("02:30", "05:00", ["sun"], "2027-03-28T00:30", "2027-03-28T01:00"),  # 02:30 never comes
        ("02:30", "02:50", ["sun"], "2026-10-25T00:55", "2026-10-25T01:30"),  # 02:30 comes twice
        ("22:00", "02:30", list(DAYS), "2026-10-25T00:40", "2026-10-25T01:00"),  # 02:00 again
    ],
)
def test_the_next_opening_is_right_when_the_clocks_change(
    start: str, end: str, days: list[str], now: str, opens_at: str
) -> None:
    windows = [window(start, end, days=days, timezone="Europe/Berlin")]
    assert next_opening(windows, at(now)) == at(opens_at)


ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "UTC")
CHANGES_OF_CLOCKS = ("2026-10-25T01:00", "2027-03-28T01:00", "2026-11-01T06:00", "2027-04-03T15:00")
TIMES = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
WINDOWS = st.lists(
    st.builds(
        ChangeWindow,
        effect=st.sampled_from(Effect),
        days=st.sets(st.sampled_from(DAYS), min_size=1).map(lambda days: tuple(sorted(days))),
        start=TIMES,
        end=TIMES,
        timezone=st.sampled_from(ZONES),
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(
    windows=WINDOWS,
    change=st.sampled_from(CHANGES_OF_CLOCKS),
    minutes=st.integers(min_value=-1500, max_value=300),
)
def test_the_next_opening_is_the_one_that_a_look_at_each_minute_finds(
    windows: list[ChangeWindow], change: str, minutes: int
) -> None:
    now = at(change) + timedelta(minutes=minutes)
    assume(not is_open(windows, now))
    following = (now + timedelta(minutes=minute) for minute in range(1, 2 * 24 * 60))
    expected = next((moment for moment in following if is_open(windows, moment)), None)
    found = next_opening(windows, now)
    if expected is None:
        assert found is None or found >= now + timedelta(days=2)
    else:
        assert found == expected
