"""A Redis of the test's own, and who counts in it as several web processes would."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.limits import shared_redis
from app.limits.shared_redis import SharedRedis
from tests.own_redis import OwnRedis
from tests.running import wait_until

MakeShared = Callable[[str], SharedRedis]


class Log:
    """What was logged, by the name of the event."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def _add(self, event: str, **_facts: object) -> None:
        self.events.append(event)

    warning = info = _add

    def debug(self, event: str, **facts: object) -> None:
        pass


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    kept = Log()
    monkeypatch.setattr(shared_redis, "log", kept)
    return kept


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_redis, "PAUSE_SECONDS", 0.05)


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[OwnRedis]:
    server = OwnRedis(tmp_path)
    yield server
    server.close()


@pytest.fixture
def make_shared() -> Iterator[MakeShared]:
    """Return a factory of ways to a Redis, each as of one web process."""
    made: list[SharedRedis] = []

    def make(url: str) -> SharedRedis:
        made.append(SharedRedis(url))
        return made[-1]

    yield make
    for shared in made:  # a thread may still look, or renew what a test has left open
        wait_until(lambda shared=shared: _is_closed(shared), "the end of a look at Redis")
        shared.pool.disconnect()


def _is_closed(shared: SharedRedis) -> bool:
    """Have it ask no more; tell whether nobody asks any more."""
    with shared._lock:
        shared._is_away, shared._look_at = True, math.inf
        return not shared._is_looking
