"""The one source of the present time, so that tests can move it.

Every time in Landform is an aware UTC ``datetime``.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present time, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def boot_seconds() -> float:
    """Return the seconds since this machine was started, in which no correction of a clock shows.

    Unlike ``time.monotonic`` it counts while the machine sleeps, as a lease elsewhere does.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def rfc3339(moment: datetime | None) -> str | None:
    """Format ``moment`` as RFC 3339 with milliseconds and ``Z``, or pass ``None`` through."""
    if moment is None:
        return None
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
