"""How soon a drift check that failed is tried again. Pure rules."""

from __future__ import annotations

from datetime import timedelta

FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=1)


def retry_after(failures: int) -> timedelta:
    """Return the pause after so many failures in a row: a minute, then twice as long each time.

    It is an hour at most, and holds also for a stack that is checked more often: a cloud in
    trouble is left in peace.
    """
    doublings = min(max(failures, 1) - 1, 16)
    return min(FIRST_RETRY * (1 << doublings), LAST_RETRY)
