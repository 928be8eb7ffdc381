"""When changes may be applied: weekly windows that allow or deny. Pure rules.

The model is the one of Argo CD's sync windows: while a deny window is open nothing is applied; as
soon as there are allow windows, changes are applied inside them only. Times are wall-clock times
of the window's own time zone, so a window stays at nine in the morning through the year.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_WINDOWS = 20
LOOK_AHEAD = timedelta(days=8)
DAY_SECONDS = 86400


class Effect(StrEnum):
    """What a window does while it is open."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True)
class ChangeWindow:
    """One window: from ``start`` to ``end`` on each of ``days``; past midnight if end <= start."""

    effect: Effect
    days: tuple[str, ...]
    start: time
    end: time
    timezone: str

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ChangeWindow:
        """Build a window from its JSON form, whose values were checked before."""
        start, end = (time.fromisoformat(data[name]) for name in ("start", "end"))
        return cls(Effect(data["effect"]), tuple(data["days"]), start, end, data["timezone"])

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "effect": self.effect.value,
            "days": [day for day in DAYS if day in self.days],
            "start": self.start.strftime("%H:%M"),
            "end": self.end.strftime("%H:%M"),
            "timezone": self.timezone,
        }

    def is_open(self, now: datetime) -> bool:
        """Tell whether ``now`` (aware) lies in the window."""
        local = now.astimezone(ZoneInfo(self.timezone))
        if self.start < self.end:
            return self._has(local.date()) and self.start <= local.time() < self.end
        if local.time() >= self.start:
            return self._has(local.date())
        return local.time() < self.end and self._has(local.date() - timedelta(days=1))

    def edges(self, now: datetime) -> Iterator[datetime]:
        """Yield each moment of the next days at which the window may open or close.

        When the clocks change, a wall-clock time may come twice, or never; then the window opens
        or closes at the change itself, so every change of the zone's offset is an edge too.
        """
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        for offset in range(-1, LOOK_AHEAD.days + 1):
            day = today + timedelta(days=offset)
            for edge, fold in product((self.start, self.end), (0, 1)):
                yield datetime.combine(day, edge.replace(fold=fold), zone)
        yield from _clock_changes(now, zone)

    def _has(self, day: date) -> bool:
        return DAYS[day.weekday()] in self.days


def is_open(windows: Sequence[ChangeWindow], now: datetime) -> bool:
    """Tell whether changes may be applied at ``now``."""
    if any(item.effect is Effect.DENY and item.is_open(now) for item in windows):
        return False
    allowing = [item for item in windows if item.effect is Effect.ALLOW]
    return not allowing or any(item.is_open(now) for item in allowing)


def next_opening(windows: Sequence[ChangeWindow], now: datetime) -> datetime | None:
    """Return when changes may be applied again after ``now``; ``None`` if not within a week."""
    edges = sorted({edge.astimezone(now.tzinfo) for item in windows for edge in item.edges(now)})
    later = (edge for edge in edges if edge > now)
    return next((edge for edge in later if is_open(windows, edge)), None)


def _clock_changes(now: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield when the UTC offset of ``zone`` changes within the next days."""

    def offset_at(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, zone).utcoffset()

    first = int(now.timestamp())
    for day in range(-1, LOOK_AHEAD.days + 1):
        early, late = first + day * DAY_SECONDS, first + (day + 1) * DAY_SECONDS
        before = offset_at(early)
        if offset_at(late) != before:
            seconds = range(early, late)
            found = bisect_left(seconds, True, key=lambda second: offset_at(second) != before)
            yield datetime.fromtimestamp(early + found, zone)
