"""How soon a failed drift check is tried again."""

from __future__ import annotations

from app.domain.drift_pace import retry_after


def test_the_pause_doubles_from_a_minute_to_an_hour() -> None:
    minutes = [retry_after(failures).total_seconds() / 60 for failures in range(1, 9)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]


def test_years_of_failures_do_not_overflow() -> None:
    assert retry_after(10**9).total_seconds() == 3600
    assert retry_after(0).total_seconds() == 60
