"""Places of streams hold for all web processes together, and those of a dead one come back."""

from __future__ import annotations

import multiprocessing
import time
from typing import Any

import pytest

from app.errors import TooManyRequestsError
from app.limits import stream_places
from app.limits.shared_redis import SharedRedis
from app.limits.stream_places import STREAMS, StreamLimits, StreamPlaces
from tests.landform import NOWHERE
from tests.limits.conftest import MakeShared
from tests.own_redis import OwnRedis
from tests.running import wait_until

LIMITS = StreamLimits(of_process=9, per_user=2, per_address=3, in_all=5)


def counted(shared: SharedRedis, key: str = STREAMS) -> int:
    return int(shared.client.zcard(key))


def is_refused(places: StreamPlaces, user: str, address: str, why: str) -> bool:
    before = places.taken()
    with pytest.raises(TooManyRequestsError, match=why):
        places.take(user, address)
    return places.taken() == before


def test_two_processes_have_one_set_of_places(
    fresh_redis_url: str, make_shared: MakeShared
) -> None:
    one, other = (StreamPlaces(LIMITS, make_shared(fresh_redis_url)) for _ in range(2))
    first = one.take("usr_1", "192.0.2.1")
    other.take("usr_1", "192.0.2.2")
    assert is_refused(one, "usr_1", "192.0.2.3", "You have 2 event streams open already")
    assert is_refused(other, "usr_1", "192.0.2.3", "You have 2 event streams open already")
    one.take("usr_2", "192.0.2.1")
    other.take("usr_3", "192.0.2.1")
    assert is_refused(other, "usr_4", "192.0.2.1", "3 event streams are open to your address")
    other.take("usr_4", "192.0.2.4")
    assert is_refused(one, "usr_5", "192.0.2.5", "5 event streams are open already")
    first()
    first()
    other.take("usr_1", "192.0.2.1")
    assert is_refused(one, "usr_5", "192.0.2.5", "5 event streams are open already")


def test_who_was_refused_takes_nothing(fresh_redis_url: str, make_shared: MakeShared) -> None:
    shared = make_shared(fresh_redis_url)
    one, other = StreamPlaces(LIMITS, make_shared(fresh_redis_url)), StreamPlaces(LIMITS, shared)
    back = [one.take("usr_1", "192.0.2.1") for _ in range(2)]
    for _ in range(5):
        assert is_refused(other, "usr_1", "192.0.2.9", "You have")
    assert counted(shared) == 2
    assert counted(shared, f"{STREAMS}:address:192.0.2.9") == 0
    for give_back in back:
        give_back()
    assert shared.client.keys(f"{STREAMS}*") == []


def test_each_counts_alone_without_redis(make_shared: MakeShared) -> None:
    one, other = (StreamPlaces(LIMITS, make_shared(NOWHERE)) for _ in range(2))
    give_back = one.take("usr_1", "192.0.2.1")
    one.take("usr_1", "192.0.2.1")
    assert is_refused(one, "usr_1", "192.0.2.2", "You have 2")
    one.take("usr_2", "192.0.2.1")
    assert is_refused(one, "usr_3", "192.0.2.1", "3 event streams are open to your address")
    other.take("usr_1", "192.0.2.1")
    give_back()
    give_back()
    assert (one.taken(), other.taken()) == (2, 1)


def test_a_process_keeps_threads_for_other_things(make_shared: MakeShared) -> None:
    limits = StreamLimits(of_process=1, per_user=2, per_address=3, in_all=5)
    places = StreamPlaces(limits, make_shared(NOWHERE))
    places.take("usr_1", "192.0.2.1")
    assert is_refused(places, "usr_2", "192.0.2.2", "1 event streams are open already")


def test_streams_that_redis_lost_are_counted_again(
    fresh_redis_url: str, make_shared: MakeShared
) -> None:
    shared = make_shared(fresh_redis_url)
    one, other = StreamPlaces(LIMITS, shared), StreamPlaces(LIMITS, make_shared(fresh_redis_url))
    for number in range(2):
        one.take("usr_1", f"192.0.2.{number}")
    shared.client.flushall()
    one.renew()
    assert is_refused(other, "usr_1", "192.0.2.9", "You have 2 event streams open already")


def test_streams_of_an_outage_are_counted_when_redis_is_back(
    own_redis: OwnRedis, make_shared: MakeShared
) -> None:
    one, other = (StreamPlaces(LIMITS, make_shared(own_redis.url)) for _ in range(2))
    own_redis.kill()
    held = [places.take("usr_1", "192.0.2.1") for places in (one, one, other)]
    own_redis.start()

    def is_counted() -> bool:
        one.renew()
        other.renew()
        return own_redis.client.zcard(STREAMS) == 3

    wait_until(is_counted, "all streams in Redis")
    for give_back in held:
        give_back()
    assert own_redis.client.keys(f"{STREAMS}*") == []


def test_one_that_is_given_back_while_it_is_renewed_is_not_kept(
    fresh_redis_url: str, make_shared: MakeShared, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = make_shared(fresh_redis_url)
    places = StreamPlaces(LIMITS, shared)
    give_back = places.take("usr_1", "192.0.2.1")
    renew = places._renew

    def late(**arguments: Any) -> Any:
        give_back()
        return renew(**arguments)

    monkeypatch.setattr(places, "_renew", late)
    places.renew()
    assert counted(shared) == 0


def test_a_foreign_value_is_no_limit_for_good(
    fresh_redis_url: str, make_shared: MakeShared
) -> None:
    shared = make_shared(fresh_redis_url)
    shared.client.set(STREAMS, "rubbish")
    places = StreamPlaces(LIMITS, shared)
    places.take("usr_1", "192.0.2.1")
    places.take("usr_1", "192.0.2.1")
    places.renew()
    assert counted(shared) == 2


def _hold_two(url: str, told: Any) -> None:
    places = StreamPlaces(LIMITS, SharedRedis(url))
    for _ in range(2):
        places.take("usr_1", "192.0.2.1")
    told.set()
    time.sleep(60)


def test_places_of_a_killed_process_come_back_and_those_of_a_living_one_stay(
    fresh_redis_url: str, make_shared: MakeShared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_places, "KEPT_SECONDS", 2.0)
    monkeypatch.setattr(stream_places, "RENEW_SECONDS", 0.3)
    fork = multiprocessing.get_context("fork")
    told = fork.Event()
    other = fork.Process(target=_hold_two, args=(fresh_redis_url, told), daemon=True)
    other.start()
    assert told.wait(20)
    shared = make_shared(fresh_redis_url)
    places = StreamPlaces(LIMITS, shared)
    places.take("usr_2", "192.0.2.2")
    time.sleep(3)
    assert is_refused(places, "usr_1", "192.0.2.3", "You have 2 event streams open already")
    other.kill()
    other.join(20)

    def take() -> Any:
        try:
            return places.take("usr_1", "192.0.2.3")
        except TooManyRequestsError:
            return None

    began = time.monotonic()
    wait_until(take, "the places of the dead process")
    assert time.monotonic() - began < 10
    assert counted(shared, f"{STREAMS}:user:usr_2") == 1
