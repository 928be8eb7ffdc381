"""When to look again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.drift import next_check_at

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_fleet_does_not_march_in_step_but_each_stack_keeps_its_pace() -> None:
    following = [next_check_at(NOW, 900, f"stk_{number}") for number in range(200)]
    assert all(
        NOW + timedelta(seconds=810) < at <= NOW + timedelta(seconds=900) for at in following
    )
    assert len(set(following)) > 50
    assert next_check_at(NOW, 900, "stk_1") == following[1]


@pytest.mark.parametrize("interval", [1, 9, 10, 11])
def test_a_short_interval_is_kept(interval: int) -> None:
    at = next_check_at(NOW, interval, "stk_1")
    assert NOW < at <= NOW + timedelta(seconds=interval)
