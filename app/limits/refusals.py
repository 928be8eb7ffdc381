"""How many refusals are worth an event, and how many there were, for all web processes together.

While Redis is away each process has a budget of its own (``app.domain.refusal_budget``), and what
it has counted meanwhile is added when Redis is back.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

from app.domain.refusal_budget import (
    FOR_ONE,
    IN_ALL,
    WINDOW_SECONDS,
    RefusalBudget,
    RefusalKind,
)
from app.limits.shared_redis import PREFIX, RedisAwayError, SharedRedis

RECORDED = f"{PREFIX}:refusals:recorded"
UNRECORDED = f"{PREFIX}:refusals:unrecorded"
TOTALS = f"{PREFIX}:refusals:totals"
KEYS = (RECORDED, UNRECORDED, TOTALS)

# KEYS: as above. ARGV: the kind, the caller, a share, all, the window in milliseconds.
TAKE = """
local of_one = ARGV[1] .. ' ' .. ARGV[2]
redis.call('HINCRBY', KEYS[3], ARGV[1], 1)
if tonumber(redis.call('HGET', KEYS[1], of_one) or 0) >= tonumber(ARGV[3])
    or tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) >= tonumber(ARGV[4]) then
  redis.call('HINCRBY', KEYS[2], ARGV[1], 1)
  return -1
end
redis.call('HINCRBY', KEYS[1], of_one, 1)
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[5]) end
local before = redis.call('HGET', KEYS[2], ARGV[1]) or 0
redis.call('HDEL', KEYS[2], ARGV[1])
return tonumber(before)
"""


class SharedRefusals:
    """The budget and the counts of refusals as one process sees them; thread-safe."""

    def __init__(self, shared: SharedRedis) -> None:
        """Have counted nothing."""
        self._shared = shared
        self._take = shared.client.register_script(TAKE)
        self._alone = RefusalBudget()
        self._lock = threading.Lock()
        self._to_add: Counter[str] = Counter()
        self._last_seen: Counter[str] = Counter()

    def take(self, kind: RefusalKind, caller: str) -> int | None:
        """Ask whether to record a refusal.

        Args:
            kind: what was refused.
            caller: whose it is.

        Returns:
            How many of the kind went unrecorded before this one; nothing when this one does too.
        """
        arguments = [kind.value, caller, FOR_ONE, IN_ALL, int(WINDOW_SECONDS * 1000)]

        def ask() -> int:
            return int(self._take(keys=KEYS, args=arguments))

        try:
            before = self._shared.ask(ask, KEYS)
        except RedisAwayError:
            with self._lock:
                self._to_add[kind.value] += 1
            return self._alone.take(kind, caller, time.monotonic())
        if self._to_add:
            self.totals()
        return None if before < 0 else before

    def totals(self) -> dict[RefusalKind, int]:
        """Return how many there were of each kind, as far as this process knows."""
        with self._lock:
            self._read_totals()
            found = self._last_seen + self._to_add
        return {kind: found[kind.value] for kind in RefusalKind}

    def _read_totals(self) -> None:
        def ask() -> dict[Any, Any]:
            with self._shared.client.pipeline() as pipeline:
                for kind, count in self._to_add.items():
                    pipeline.hincrby(TOTALS, kind, count)
                pipeline.hgetall(TOTALS)
                found: dict[Any, Any] = pipeline.execute()[-1]
                return {name.decode(): int(count) for name, count in found.items()}

        try:
            self._last_seen = Counter(self._shared.ask(ask, [TOTALS]))
        except RedisAwayError:
            return
        self._to_add.clear()
