"""A request waits a moment for Redis at most, and the log has a line when that changes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.limits.shared_redis import ANSWER_SECONDS, PREFIX, RedisAwayError, SharedRedis
from app.queue.key_types import EXPECTED_TYPES
from tests.landform import NOWHERE
from tests.limits.conftest import Log, MakeShared
from tests.own_redis import OwnRedis
from tests.running import wait_until

KEY = f"{PREFIX}:test"


def count(shared: SharedRedis) -> int | None:
    try:
        return shared.ask(lambda: int(shared.client.incr(KEY)), [KEY])
    except RedisAwayError:
        return None


def test_all_count_together(fresh_redis_url: str, make_shared: MakeShared) -> None:
    assert [count(make_shared(fresh_redis_url)) for _ in range(3)] == [1, 2, 3]


def test_a_redis_that_is_nowhere_is_told_once(make_shared: MakeShared, log: Log) -> None:
    shared = make_shared(NOWHERE)
    assert {count(shared) for _ in range(50)} == {None}
    time.sleep(0.2)
    assert {count(shared) for _ in range(50)} == {None}
    assert log.events == ["limits_counted_alone"]


def test_a_redis_that_is_back_counts_again(
    own_redis: OwnRedis, make_shared: MakeShared, log: Log
) -> None:
    shared = make_shared(own_redis.url)
    assert count(shared) == 1
    own_redis.kill()
    assert count(shared) is None
    own_redis.start()
    assert wait_until(lambda: count(shared), "Redis to count again")
    assert log.events == ["limits_counted_alone", "limits_shared_again"]


def test_a_halted_redis_keeps_nobody_waiting(
    own_redis: OwnRedis, make_shared: MakeShared, log: Log
) -> None:
    shared = make_shared(own_redis.url)
    assert count(shared) == 1

    def timed(_: int) -> float:
        began = time.monotonic()
        assert count(shared) is None
        return time.monotonic() - began

    own_redis.halt()
    try:
        with ThreadPoolExecutor(20) as pool:
            first = list(pool.map(timed, range(20)))
        later = [timed(0) for _ in range(50)]
    finally:
        own_redis.go_on()
    assert max(first) < 20 * ANSWER_SECONDS, "it would wait for ever"
    assert sum(later) < 50 * ANSWER_SECONDS / 2, "nobody asks while it is away"
    assert wait_until(lambda: count(shared), "Redis to count again")
    assert log.events == ["limits_counted_alone", "limits_shared_again"]


@pytest.mark.parametrize("setting", [("maxmemory", "1"), ("min-replicas-to-write", "3")])
def test_a_redis_that_takes_nothing_is_away(
    own_redis: OwnRedis, make_shared: MakeShared, log: Log, setting: tuple[str, str]
) -> None:
    shared = make_shared(own_redis.url)
    own_redis.client.config_set(*setting)
    assert count(shared) is None
    time.sleep(0.2)
    assert count(shared) is None
    assert log.events == ["limits_counted_alone"]


def test_what_is_foreign_in_a_key_goes(
    fresh_redis_url: str, make_shared: MakeShared, log: Log
) -> None:
    shared = make_shared(fresh_redis_url)
    shared.client.set(KEY, "rubbish")
    assert count(shared) is None, "this one is decided alone"
    assert count(shared) == 1
    assert log.events == ["foreign_limit_removed"]


def test_no_key_of_rq_is_taken_for_a_count() -> None:
    assert not any(name.startswith(PREFIX) for name in EXPECTED_TYPES)
