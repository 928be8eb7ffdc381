"""When a message to a webhook is tried again, and what waits behind it. Pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta

DELAYS_SECONDS = (5, 30, 120, 600, 1800)
"""Before the second, third, … attempt; the last one is repeated. Up to a fifth more or less."""

JITTER = 0.2
GIVE_UP_AFTER = timedelta(hours=24)
DISABLE_AFTER_DEAD = 10

HELD_BACK_ATTEMPTS = 3
"""So often an answer that may be about the receiver keeps the messages behind it waiting."""

BUSY_ANSWERS = frozenset({408, 425, 429})


def is_about_the_receiver(status: int | None, attempts: int) -> bool:
    """Tell whether a failed attempt says that later messages would fail as well.

    A receiver that is away or busy keeps its messages in order. One that refuses a single message
    (413, 422, …), or that has failed at the same one several times, must not keep the others from
    arriving: that one is tried again by itself.

    Args:
        status: of the answer; None when there was none.
        attempts: how many there were for this message, the failed one counted.
    """
    if status is None:
        return True
    is_passing = status >= 500 or status in BUSY_ANSWERS
    return is_passing and attempts < HELD_BACK_ATTEMPTS


def next_attempt(
    created_at: datetime, now: datetime, attempts: int, chance: float
) -> datetime | None:
    """Return when to try again, or nothing when it is time to give up.

    Args:
        created_at: when the message was made.
        now: when the last attempt failed.
        attempts: how many there were.
        chance: from 0 to 1; spreads those that failed together.
    """
    if now - created_at >= GIVE_UP_AFTER:
        return None
    seconds = DELAYS_SECONDS[min(attempts, len(DELAYS_SECONDS)) - 1]
    return now + timedelta(seconds=seconds * (1 - JITTER + 2 * JITTER * chance))
