"""Two web processes, as of two hosts, on one database and one Redis: each limit holds for both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.domain.refusal_budget import FOR_ONE
from app.domain.sign_in_pace import OF_PAIR
from app.limits import shared_redis
from app.limits.stream_places import StreamPlaces
from app.services.identity import throttle
from app.web.stream_places import EXTENSION
from tests.api.conftest import PASSWORD, MakeApp
from tests.api.rest import Rest, problem
from tests.landform import NOWHERE
from tests.own_redis import OwnRedis
from tests.running import wait_until

LIMITS = {"api_rate": "10/minute", "login_rate": "5/minute", "streams_per_user": 3}


def both(make_app: MakeApp, url: str, **settings: object) -> tuple[Flask, Flask]:
    one, other = (make_app(redis_url=url, **LIMITS | settings) for _ in range(2))
    return one, other


def elsewhere(rest: Rest, app: Flask) -> Rest:
    """Return the same session at another web process."""
    other = Rest(app, rest.user)
    other.opened, other.headers = rest.opened, rest.headers
    return other


def ask_in_turn(one: Rest, app: Flask, count: int) -> Counter[int]:
    callers = cycle([one, elsewhere(one, app)])
    return Counter(next(callers).get("/kinds").status_code for _ in range(count))


def sign_in(app: Flask, password: str = "wrong", name: str = "admin") -> TestResponse:
    body = {"username": name, "password": password}
    return app.test_client().post("/api/v1/auth/login", json=body)


def follow(rest: Rest, operation: str) -> TestResponse:
    headers = {"Accept": "text/event-stream"}
    return rest.call("GET", f"/operations/{operation}/events", headers=headers)


def test_a_user_has_one_limit_of_requests(make_app: MakeApp, fresh_redis_url: str) -> None:
    one, other = both(make_app, fresh_redis_url)
    viewer = Rest(one).as_member("viewer")
    assert ask_in_turn(viewer, other, 14) == {200: 10, 429: 4}
    refused = elsewhere(viewer, other).get("/kinds")
    problem(refused, 429, "rate_limited")
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert 0 < int(refused.headers["Retry-After"]) <= 61


def test_an_address_has_one_limit_of_sign_ins(make_app: MakeApp, fresh_redis_url: str) -> None:
    apps = cycle(both(make_app, fresh_redis_url, api_rate="1000/minute"))
    answered = Counter(
        sign_in(next(apps), name=f"nobody-{number}").status_code for number in range(8)
    )
    assert answered == {401: 5, 429: 3}


@pytest.mark.parametrize("has_redis", [True, False])
def test_who_guesses_a_password_waits_everywhere(
    make_app: MakeApp,
    fresh_redis_url: str,
    has_redis: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = utc_now()
    monkeypatch.setattr(throttle, "database_now", lambda _session: stopped)
    url = fresh_redis_url if has_redis else NOWHERE
    one, other = both(make_app, url, login_rate="1000/minute", api_rate="1000/minute")
    apps = cycle([one, other])
    for _ in range(OF_PAIR.free + 1):
        problem(sign_in(next(apps)), 401, "unauthenticated")
    for app in (one, other):
        problem(sign_in(app, PASSWORD), 429, "rate_limited")


def test_a_user_has_one_share_of_streams(make_app: MakeApp, fresh_redis_url: str) -> None:
    one, other = both(make_app, fresh_redis_url, api_rate="1000/minute")
    rest = Rest(one)
    operation = rest.create("networks", "a")["operation"]["id"]
    viewer = rest.as_member("viewer")
    callers = cycle([viewer, elsewhere(viewer, other)])
    held = [follow(next(callers), operation) for _ in range(5)]
    assert [answer.status_code for answer in held] == [200, 200, 200, 429, 429]
    told = problem(held[-1], 429, "rate_limited")
    assert told["detail"] == "You have 3 event streams open already."
    held[0].close()
    again = follow(elsewhere(viewer, other), operation)
    assert again.status_code == 200
    for answer in (*held, again):
        answer.close()
    for app in (one, other):
        places: StreamPlaces = app.extensions[EXTENSION]
        assert places.taken() == 0
    with shared_redis.SharedRedis(fresh_redis_url).client as client:
        assert client.keys("landform:limits:streams*") == []


def test_all_together_have_one_number_of_streams(make_app: MakeApp, fresh_redis_url: str) -> None:
    one, other = both(make_app, fresh_redis_url, streams=2, api_rate="1000/minute")
    rest = Rest(one)
    operation = rest.create("networks", "a")["operation"]["id"]
    held = [follow(caller, operation) for caller in (rest, Rest(other), Rest(other))]
    assert [answer.status_code for answer in held] == [200, 200, 429]
    for answer in held:
        answer.close()


def test_refusals_have_one_budget_and_one_count(make_app: MakeApp, fresh_redis_url: str) -> None:
    one, other = both(make_app, fresh_redis_url, api_rate="1000/minute")
    rest = Rest(one)
    stack = rest.made("networks", "a")
    viewer = rest.as_member("viewer")
    callers = cycle([viewer, elsewhere(viewer, other)])
    for _ in range(FOR_ONE + 5):
        answer = next(callers).delete(stack["links"]["typed"], If_Match="*")
        problem(answer, 403, "permission_denied")
    found = rest.get("/audit-events", action="request.refused", limit=200)
    assert len(found.json["items"]) == FOR_ONE
    for app in (one, other):
        text = app.test_client().get("/metrics").text
        assert f'landform_refusals_total{{kind="right"}} {FOR_ONE + 5}.0' in text


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OwnRedis]:
    monkeypatch.setattr(shared_redis, "PAUSE_SECONDS", 0.05)
    server = OwnRedis(tmp_path / "redis")
    yield server
    server.close()


def test_each_counts_alone_while_redis_is_away(make_app: MakeApp, own_redis: OwnRedis) -> None:
    one, other = both(make_app, own_redis.url)
    rest = Rest(one)
    viewers = [rest.as_member("viewer") for _ in range(2)]
    assert ask_in_turn(viewers[0], other, 12) == {200: 10, 429: 2}
    own_redis.kill()
    assert ask_in_turn(viewers[1], other, 24) == {200: 20, 429: 4}
    own_redis.start()

    def is_shared() -> bool:
        """Ask without being counted for one of the two."""
        for app in (one, other):
            app.test_client().get("/api/v1/kinds")
        return not any(app.extensions["landform"].shared.is_away for app in (one, other))

    wait_until(is_shared, "both to count in Redis again")
    third = rest.as_member("viewer")
    assert ask_in_turn(third, other, 12) == {200: 10, 429: 2}


def test_figures_of_one_of_several_processes_carry_its_number(make_app: MakeApp) -> None:
    alone = make_app().test_client().get("/metrics").text
    assert "\nprocess_cpu_seconds_total " in alone
    several = make_app(web_processes=2).test_client().get("/metrics").text
    assert '\nprocess_cpu_seconds_total{pid="' in several
    assert "\nprocess_cpu_seconds_total " not in several
    assert '\nlandform_refusals_total{kind="right"} 0.0' in several
