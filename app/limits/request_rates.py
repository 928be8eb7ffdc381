"""How many requests a caller may make, counted by all web processes together.

The counting is that of the library ``limits``. In Redis two numbers a caller suffice (a sliding
window by the remaining life of its keys, so by Redis's clock); alone each request is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem, WindowStats
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import (
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)

from app.limits.shared_redis import PREFIX, RedisAwayError, SharedRedis

RATES = f"{PREFIX}:rate"

T = TypeVar("T")


class RequestRates(RateLimiter):
    """A strategy of ``limits`` that counts in Redis, and in memory while Redis is away."""

    def __init__(self, shared: SharedRedis) -> None:
        """Have counted nothing yet."""
        storage = RedisStorage("redis://", connection_pool=shared.pool, key_prefix=RATES)
        super().__init__(storage)
        self._shared = shared
        self._together = SlidingWindowCounterRateLimiter(storage)
        self._alone = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, item: RateLimitItem, *identifiers: str, cost: int = 1) -> bool:
        """Count a request; tell whether it is within the limit."""
        return self._ask(item, identifiers, lambda rates: rates.hit(item, *identifiers, cost=cost))

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
