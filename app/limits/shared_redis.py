"""Redis for what a request waits for: it answers within a moment, or is not asked for a while.

All web processes count in it what must hold for all of them together, by Redis's own clock. Whoever
gets a ``RedisAwayError`` counts alone, under the same limits, until Redis is back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import (
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from app.logs import get_logger

PREFIX = "landform:limits"
"""What the keys of all that is counted begin with; RQ's begin with ``rq:``."""

ANSWER_SECONDS = 0.25
PAUSE_SECONDS = 1.0
MAX_CONNECTIONS = 1024
"""More than a process may have threads: to run out of them would look like an absent Redis."""

TAKES_NOTHING = (NoPermissionError, OutOfMemoryError, ReadOnlyError)
# A script that writes, as all questions are: one that is full or a replica answers a ping.
PROBE = "redis.call('SET', KEYS[1], '', 'EX', 60) return 1"

T = TypeVar("T")
log = get_logger(__name__)


class RedisAwayError(Exception):
    """Redis has not answered this question; the caller decides alone."""


class SharedRedis:
    """One process's way to the counts of all; connects when it is first asked."""

    def __init__(self, url: str) -> None:
        """Ask the Redis at ``url``, without ever trying twice."""
        self.pool = ConnectionPool.from_url(
            url,
            max_connections=MAX_CONNECTIONS,
            socket_connect_timeout=ANSWER_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self.client = Redis(connection_pool=self.pool)
        self._lock = threading.Lock()
        self._is_away = False
        self._is_looking = False
        self._look_at = 0.0

    @property
    def is_away(self) -> bool:
        """Whether this process counts alone at present."""
        return self._is_away

    def ask(self, question: Callable[[], T], keys: Sequence[str]) -> T:
        """Return what ``question`` reads of Redis.

        Args:
            question: asks ``client``, or something else on ``pool``.
            keys: all that it touches. What has another form there is deleted: another program has
                written it, and it would switch a limit off for good.

        Raises:
            RedisAwayError: there is no answer, or none that makes sense.
        """
        if self._is_away:
            self._look_now_and_then()
            raise RedisAwayError
        try:
            return question()
        except TAKES_NOTHING as error:
            self._go_away(error)
        except (ResponseError, ValueError) as error:
            self._forget(keys, error)
        except RedisError as error:
            self._go_away(error)
        raise RedisAwayError

    def _forget(self, keys: Sequence[str], error: Exception) -> None:
        try:
            self.client.delete(*keys)
        except RedisError as worse:
            self._go_away(worse)
        else:
            log.warning("foreign_limit_removed", keys=list(keys), error=str(error))

    def _go_away(self, error: Exception) -> None:
        with self._lock:
            is_news, self._is_away = not self._is_away, True
            self._look_at = time.monotonic() + PAUSE_SECONDS
        if is_news:
            log.warning("limits_counted_alone", error=f"{type(error).__name__}: {error}")

    def _look_now_and_then(self) -> None:
        """Have a thread look whether Redis is back: a name that does not resolve takes seconds."""
        with self._lock:
            if self._is_looking or time.monotonic() < self._look_at:
                return
            self._is_looking = True
        threading.Thread(target=self._look, daemon=True, name="shared-redis").start()

    def _look(self) -> None:
        is_back = False
        try:
            self.client.eval(PROBE, 1, f"{PREFIX}:probe")
            is_back = True
        except RedisError as error:
            log.debug("redis_still_away", error=str(error))
        finally:
            with self._lock:
                self._is_looking, self._is_away = False, not is_back
                self._look_at = time.monotonic() + PAUSE_SECONDS
        if is_back:
            log.info("limits_shared_again")
