"""How many requests a caller may make, counted by all web processes together.

The counting is that of the library ``limits``. In Redis two numbers a caller suffice (a sliding
window by the remaining life of its keys, so by Redis's clock); alone each request is remembered.
Redis is asked once for a request: it counts it and says what is left in one answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from limits import RateLimitItem, WindowStats
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import (
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)

from app.limits.shared_redis import PREFIX, RedisAwayError, SharedRedis

RATES = f"{PREFIX}:rate"
# Two scripts of the library, each as a function; the second one takes another list of arguments.
COUNT_AND_LOOK = b"""
local taken = (function() %s end)()
local window = (function() local ARGV = {ARGV[2]} %s end)()
return {taken, window}
""" % (RedisStorage.SCRIPT_ACQUIRE_SLIDING_WINDOW, RedisStorage.SCRIPT_SLIDING_WINDOW)

T = TypeVar("T")


class Counted(NamedTuple):
    """Whether a request was within the limit, and what is left of it."""

    is_within: bool
    stats: WindowStats


class RequestRates(RateLimiter):
    """A strategy of ``limits`` that counts in Redis, and in memory while Redis is away."""

    def __init__(self, shared: SharedRedis) -> None:
        """Have counted nothing yet."""
        storage = _CountingStorage("redis://", connection_pool=shared.pool, key_prefix=RATES)
        super().__init__(storage)
        self._shared = shared
        self._together = SlidingWindowCounterRateLimiter(storage)
        self._alone = MovingWindowRateLimiter(MemoryStorage())

    def count(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> Counted:
        """Count a request; tell whether it is within the limit, and what is left."""
        return self._ask(
            item,
            identifiers,
            lambda rates: Counted(
                rates.hit(item, *identifiers, cost=cost),
                rates.get_window_stats(item, *identifiers),
            ),
        )

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count a request; tell whether it is within the limit."""
        return self.count(item, *identifiers, cost=cost).is_within

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Tell whether a request would be within the limit."""
        return self._ask(item, identifiers, lambda rates: rates.test(item, *identifiers, cost=cost))

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """Return how many requests are left, and when there is one more."""
        return self._ask(
            item, identifiers, lambda rates: rates.get_window_stats(item, *identifiers)
        )

    def _ask(
        self,
        item: RateLimitItem,
        identifiers: tuple[str, ...],
        question: Callable[[RateLimiter], T],
    ) -> T:
        window = f"{RATES}:{{{item.key_for(*identifiers)}}}"
        try:
            return self._shared.ask(lambda: question(self._together), (window, f"{window}/-1"))
        except RedisAwayError:
            return question(self._alone)


class OneRequest(RateLimiter):
    """The rates as one request asks them: what was said when it was counted is not asked again."""

    def __init__(self, rates: RequestRates) -> None:
        """Count by ``rates``."""
        super().__init__(rates.storage)
        self._rates = rates
        self._stats: dict[tuple[RateLimitItem, tuple[str, ...]], WindowStats] = {}

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count the request; tell whether it is within the limit."""
        counted = self._rates.count(item, *identifiers, cost=cost)
        self._stats[item, identifiers] = counted.stats
        return counted.is_within

    def test(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Tell whether a request would be within the limit."""
        return self._rates.test(item, *identifiers, cost=cost)

    def get_window_stats(self, item: RateLimitItem, *identifiers: str) -> WindowStats:
        """Return how many requests are left, and when there is one more."""
        known = self._stats.get((item, identifiers))
        return known or self._rates.get_window_stats(item, *identifiers)


class _Looks(threading.local):
    """What Redis said last to each thread; taken by the look that follows a count at once."""

    window: list[Any] | None = None


class _CountingStorage(RedisStorage):
    """The library's storage that looks at a window in the same question that counts in it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._count_and_look = self.get_connection().register_script(COUNT_AND_LOOK)
        self._looks = _Looks()

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        current = self.prefixed_key(self._current_window_key(key))
        previous = self.prefixed_key(self._previous_window_key(key))
        self._looks.window = None
        taken, self._looks.window = self._count_and_look(
            [previous, current], [limit, expiry, amount]
        )
        return bool(taken)

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        seen, self._looks.window = self._looks.window, None
        if seen is None:
            return super().get_sliding_window(key, expiry)
        before, before_ends, now, now_ends = (max(0, int(value or 0)) for value in seen)
        return before, before_ends / 1000, now, now_ends / 1000
