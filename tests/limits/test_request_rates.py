"""Requests are counted by all web processes together, and by each alone while Redis is away."""

from __future__ import annotations

from limits import parse

from app.limits.request_rates import RATES, RequestRates
from tests.landform import NOWHERE
from tests.limits.conftest import MakeShared
from tests.own_redis import OwnRedis
from tests.running import wait_until

FIVE = parse("5/minute")


def test_two_processes_have_one_limit(fresh_redis_url: str, make_shared: MakeShared) -> None:
    one, other = (RequestRates(make_shared(fresh_redis_url)) for _ in range(2))
    taken = [rates.hit(FIVE, "usr_1") for rates in (one, other, one, other, one)]
    assert taken == [True] * 5
    assert [one.hit(FIVE, "usr_1"), other.hit(FIVE, "usr_1")] == [False, False]
    assert not other.test(FIVE, "usr_1")
    assert other.hit(FIVE, "usr_2")
    assert other.get_window_stats(FIVE, "usr_1").remaining == 0
    assert other.get_window_stats(FIVE, "usr_2").remaining == 4


def test_what_is_counted_goes_by_itself(fresh_redis_url: str, make_shared: MakeShared) -> None:
    shared = make_shared(fresh_redis_url)
    RequestRates(shared).hit(FIVE, "usr_1")
    (key,) = shared.client.keys(f"{RATES}:*")
    assert 60_000 < shared.client.pttl(key) <= 120_000


def test_each_counts_alone_without_redis(make_shared: MakeShared) -> None:
    one, other = (RequestRates(make_shared(NOWHERE)) for _ in range(2))
    assert [one.hit(FIVE, "usr_1") for _ in range(7)] == [True] * 5 + [False] * 2
    assert other.hit(FIVE, "usr_1")
    assert one.get_window_stats(FIVE, "usr_1").remaining == 0
    assert other.get_window_stats(FIVE, "usr_1").remaining == 4


def test_what_was_counted_holds_when_redis_is_back(
    own_redis: OwnRedis, make_shared: MakeShared
) -> None:
    shared = make_shared(own_redis.url)
    rates = RequestRates(shared)
    assert [rates.hit(FIVE, "usr_1") for _ in range(6)] == [True] * 5 + [False]
    own_redis.client.shutdown(save=True)
    assert rates.hit(FIVE, "usr_1"), "alone it has counted nothing yet"
    own_redis.kill()
    own_redis.start()
    wait_until(lambda: not rates.hit(FIVE, "usr_1"), "Redis to count again")
    assert shared.client.keys(f"{RATES}:*")


def test_a_foreign_count_is_removed(fresh_redis_url: str, make_shared: MakeShared) -> None:
    shared = make_shared(fresh_redis_url)
    rates = RequestRates(shared)
    rates.hit(FIVE, "usr_1")
    (key,) = shared.client.keys(f"{RATES}:*")
    shared.client.set(key, "rubbish", ex=120)
    rates.get_window_stats(FIVE, "usr_1")
    assert [rates.hit(FIVE, "usr_1") for _ in range(6)] == [True] * 5 + [False]
