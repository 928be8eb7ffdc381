"""How many event streams are open at once: of one user, to one address, and in all.

A stream holds a thread as long as it lasts, so each process counts its own, whatever Redis says.
Beside that all processes keep their streams in Redis, each with an end that its process puts off
while the stream lives: the places of a process that was killed come back by themselves.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ulid import ULID

from app.errors import TooManyRequestsError
from app.limits.shared_redis import PREFIX, RedisAwayError, SharedRedis

STREAMS = f"{PREFIX}:streams"
KEPT_SECONDS = 30.0
"""How long a stream counts after the last sign of life of its process."""
RENEW_SECONDS = 10.0
RENEWED_AT_ONCE = 50

CLOSE_SOME = (
    "Close pages and clients that follow operations and are not needed, or try again after "
    "Retry-After; everything can be read without a stream, too."
)

# KEYS: sorted sets of streams by their end. ARGV: the stream, its life, the size of each set.
TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for number, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) >= tonumber(ARGV[2 + number]) then return number end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2])
end
return 0
"""
RENEW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2])
end
"""


@dataclass(frozen=True)
class StreamLimits:
    """How many streams there may be: of this process, and of all processes together."""

    of_process: int
    per_user: int
    per_address: int
    in_all: int


@dataclass(frozen=True)
class _Place:
    """One stream that is open through this process."""

    id: str
    user: str
    address: str

    @property
    def keys(self) -> tuple[str, str, str]:
        """The sets in which it counts, in the order of their limits."""
        return f"{STREAMS}:user:{self.user}", f"{STREAMS}:address:{self.address}", STREAMS


class StreamPlaces:
    """The places as one process sees them; whoever takes one gives it back."""

    def __init__(self, limits: StreamLimits, shared: SharedRedis) -> None:
        """Have all places free, and let nobody have more than a share of them."""
        self.limits = limits
        self._shared = shared
        self._take = shared.client.register_script(TAKE)
        self._renew = shared.client.register_script(RENEW)
        self._lock = threading.Lock()
        self._held: set[_Place] = set()
        self._of_user: Counter[str] = Counter()
        self._of_address: Counter[str] = Counter()
        self._thread: threading.Thread | None = None

    def take(self, user: str, address: str) -> Callable[[], None]:
        """Take a place and return what gives it back, which may be called more than once.

        Args:
            user: id of who follows, whatever session or token it came with.
            address: where from.

        Raises:
            TooManyRequestsError: all are taken, or this user or address has its share.
        """
        place = _Place(str(ULID()), user, address)
        with self._lock:
            if len(self._held) >= self.limits.of_process:
                raise _refusal(f"{self.limits.of_process} event streams are open already.")
            self._refuse(self._full_alone(place))
            self._hold(place)
        try:
            self._refuse(self._full_together(place))
        except TooManyRequestsError:
            self._let_go(place)
            raise
        return partial(self._give_back, place)

    def taken(self) -> int:
        """Return how many places this process has taken."""
        with self._lock:
            return len(self._held)

    def renew(self) -> None:
        """Put off the end of all streams of this process; counts those that Redis has lost."""
        with self._lock:
            held = list(self._held)
        for begin in range(0, len(held), RENEWED_AT_ONCE):
            self._renew_some(held[begin : begin + RENEWED_AT_ONCE])

    def _full_alone(self, place: _Place) -> int:
        if self._of_user[place.user] >= self.limits.per_user:
            return 1
        if self._of_address[place.address] >= self.limits.per_address:
            return 2
        return 3 if len(self._held) >= self.limits.in_all else 0

    def _full_together(self, place: _Place) -> int:
        """Count a stream in Redis, or return which of its sets is full; 0 while Redis is away."""
        limits = (self.limits.per_user, self.limits.per_address, self.limits.in_all)
        life = int(KEPT_SECONDS * 1000)

        def ask() -> int:
            return int(self._take(keys=place.keys, args=[place.id, life, *limits]))

        try:
            return self._shared.ask(ask, place.keys)
        except RedisAwayError:
            return 0

    def _refuse(self, which: int) -> None:
        if which == 1:
            raise _refusal(f"You have {self.limits.per_user} event streams open already.")
        if which == 2:  # the second of the keys
            raise _refusal(f"{self.limits.per_address} event streams are open to your address.")
        if which:
            raise _refusal(f"{self.limits.in_all} event streams are open already.")

    def _hold(self, place: _Place) -> None:
        self._held.add(place)
        self._of_user[place.user] += 1
        self._of_address[place.address] += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="stream-places")
            self._thread.start()

    def _let_go(self, place: _Place) -> bool:
        with self._lock:
            if place not in self._held:
                return False
            self._held.remove(place)
            for counts, name in ((self._of_user, place.user), (self._of_address, place.address)):
                counts[name] -= 1
                if not counts[name]:
                    del counts[name]
            return True

    def _give_back(self, place: _Place) -> None:
        if self._let_go(place):
            self._forget([place])

    def _forget(self, places: Sequence[_Place]) -> None:
        def ask() -> Any:
            with self._shared.client.pipeline(transaction=False) as pipeline:
                for place in places:
                    for key in place.keys:
                        pipeline.zrem(key, place.id)
                return pipeline.execute()

        self._try(ask, places)

    def _renew_some(self, places: Sequence[_Place]) -> None:
        life = int(KEPT_SECONDS * 1000)

        def ask() -> Any:
            with self._shared.client.pipeline(transaction=False) as pipeline:
                for place in places:
                    self._renew(keys=place.keys, args=[place.id, life], client=pipeline)
                return pipeline.execute()

        self._try(ask, places)
        with self._lock:
            gone = [place for place in places if place not in self._held]
        if gone:  # given back while they were renewed
            self._forget(gone)

    def _try(self, ask: Callable[[], Any], places: Sequence[_Place]) -> None:
        """Tell Redis of places; while it is away their ends come by themselves."""
        try:
            self._shared.ask(ask, [key for place in places for key in place.keys])
        except RedisAwayError:
            return

    def _run(self) -> None:
        while True:
            time.sleep(RENEW_SECONDS)
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
            self.renew()


def _refusal(detail: str) -> TooManyRequestsError:
    return TooManyRequestsError(detail, advice=CLOSE_SOME)
