"""When a message is tried again, and whether it keeps the ones behind it waiting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from app.domain.webhook_retries import (
    DELAYS_SECONDS,
    GIVE_UP_AFTER,
    is_about_the_receiver,
    next_attempt,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def test_attempts_come_further_and_further_apart_and_end_after_a_day() -> None:
    now, attempts = NOW, 1
    moments = [NOW]
    while (later := next_attempt(NOW, now, attempts, 0.5)) is not None:
        now, attempts = later, attempts + 1
        moments.append(now)
    waits = [(after - before).total_seconds() for before, after in pairwise(moments)]
    assert tuple(waits[: len(DELAYS_SECONDS)]) == (5, 30, 120, 600, 1800)
    assert set(waits[len(DELAYS_SECONDS) :]) == {DELAYS_SECONDS[-1]}
    assert GIVE_UP_AFTER <= now - NOW < GIVE_UP_AFTER + timedelta(hours=1)


def test_chance_spreads_attempts_by_a_fifth() -> None:
    waits = [next_attempt(NOW, NOW, 3, chance) for chance in (0.0, 0.5, 1.0)]
    assert waits == [NOW + timedelta(seconds=seconds) for seconds in (96, 120, 144)]


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_last_attempt_is_made_within_a_day(chance: float) -> None:
    moment = timedelta(microseconds=1)
    day = NOW + timedelta(days=1)
    assert next_attempt(NOW, day - moment, 40, chance) is not None
    assert next_attempt(NOW, day, 40, chance) is None


@pytest.mark.parametrize(
    ("status", "attempts", "is_about_it"),
    [
        *((None, attempts, True) for attempts in (1, 3, 99)),
        *((status, 1, True) for status in (408, 425, 429, 500, 503, 599)),
        *((status, 2, True) for status in (429, 500)),
        *((status, 3, False) for status in (429, 500)),
        *((status, 1, False) for status in (400, 404, 407, 410, 413, 422, 499)),
    ],
)
def test_only_a_receiver_that_is_away_or_busy_keeps_the_others_waiting(
    status: int | None, attempts: int, *, is_about_it: bool
) -> None:
    assert is_about_the_receiver(status, attempts) is is_about_it
