"""All web processes record refusals from one budget, and count all of them."""

from __future__ import annotations

from app.domain.refusal_budget import FOR_ONE, IN_ALL, RefusalKind
from app.limits.refusals import RECORDED, SharedRefusals
from tests.landform import NOWHERE
from tests.limits.conftest import MakeShared
from tests.own_redis import OwnRedis
from tests.running import wait_until

RIGHT, FOREIGN, SIGN_IN = RefusalKind.RIGHT, RefusalKind.FOREIGN, RefusalKind.SIGN_IN


def test_two_processes_have_one_budget(fresh_redis_url: str, make_shared: MakeShared) -> None:
    one, other = (SharedRefusals(make_shared(fresh_redis_url)) for _ in range(2))
    taken = [(one, other)[number % 2].take(RIGHT, "usr_1") for number in range(FOR_ONE + 4)]
    assert taken == [0] * FOR_ONE + [None] * 4
    assert other.take(RIGHT, "usr_2") == 4, "the next that is recorded tells of those that were not"
    assert one.take(RIGHT, "usr_2") == 0
    assert one.take(FOREIGN, "usr_1") == 0
    assert one.totals() == other.totals() == {RIGHT: FOR_ONE + 6, FOREIGN: 1, SIGN_IN: 0}


def test_all_together_have_a_limit_too(fresh_redis_url: str, make_shared: MakeShared) -> None:
    shared = make_shared(fresh_redis_url)
    refusals = SharedRefusals(shared)
    taken = [refusals.take(SIGN_IN, f"caller-{number}") for number in range(IN_ALL + 5)]
    assert taken == [0] * IN_ALL + [None] * 5
    assert 0 < shared.client.pttl(RECORDED) <= 60_000
    shared.client.delete(RECORDED)  # a minute passes
    assert refusals.take(SIGN_IN, "caller-0") == 5


def test_each_has_its_own_budget_without_redis(make_shared: MakeShared) -> None:
    one, other = (SharedRefusals(make_shared(NOWHERE)) for _ in range(2))
    assert [one.take(RIGHT, "usr_1") for _ in range(FOR_ONE + 1)] == [0] * FOR_ONE + [None]
    assert other.take(RIGHT, "usr_1") == 0
    assert one.totals()[RIGHT] == FOR_ONE + 1


def test_what_was_counted_meanwhile_is_added(own_redis: OwnRedis, make_shared: MakeShared) -> None:
    one, other = (SharedRefusals(make_shared(own_redis.url)) for _ in range(2))
    assert one.take(RIGHT, "usr_1") == 0
    assert one.totals()[RIGHT] == 1
    own_redis.client.shutdown(save=True)
    own_redis.kill()
    one.take(RIGHT, "usr_1")
    assert one.totals()[RIGHT] == 2
    own_redis.start()
    wait_until(lambda: (one.totals(), other.totals()[RIGHT])[1] == 2, "the sum in Redis")
    assert one.totals()[RIGHT] == 2
