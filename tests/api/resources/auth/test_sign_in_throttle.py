"""Guessing passwords becomes slow, and nobody can keep the owner of a name out by it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.sign_in_pace import OF_ADDRESS, OF_PAIR
from app.models import AuditEvent, SignInFailure, User, UserSession
from app.services.identity import password_hashing, throttle
from app.services.identity.throttle import forget_old_failures
from app.web.context import context_of
from tests.api.conftest import PASSWORD, MakeApp
from tests.api.rest import Rest, problem

HOME, ELSEWHERE = "192.0.2.7", "198.51.100.3"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(login_rate="100000/minute", trusted_proxies="127.0.0.1")


@pytest.fixture(autouse=True)
def cheap_hasher(monkeypatch: pytest.MonkeyPatch, app: Flask) -> PasswordHasher:
    """Have argon2 take no time: what is tested is whether a password is looked at."""
    hasher = PasswordHasher(time_cost=1, memory_cost=64)
    monkeypatch.setattr(password_hashing, "_hasher", hasher)
    with context_of(app).write() as session:
        session.execute(update(User).values(password_hash=hasher.hash(PASSWORD)))
    return hasher


class Clock:
    """The time that the throttle sees; it stands still unless a test moves it."""

    def __init__(self) -> None:
        self.now = utc_now()

    def read(self, _session: Session) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock()
    monkeypatch.setattr(throttle, "database_now", stopped.read)
    return stopped


class Interrupted(PasswordHasher):
    """A hasher in whose time something else happens."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        super().__init__(time_cost=1, memory_cost=64)
        self._meanwhile = meanwhile

    def verify(self, *arguments: Any) -> bool:
        self._meanwhile()
        return super().verify(*arguments)


def _login(app: Flask, password: str = "wrong", name: str = "admin", at: str = HOME) -> Any:
    body = {"username": name, "password": password}
    headers = {"X-Forwarded-For": at}
    return app.test_client().post("/api/v1/auth/login", json=body, headers=headers)


def _fail(app: Flask, times: int, **where: str) -> None:
    for _ in range(times):
        problem(_login(app, **where), 401, "unauthenticated")


def test_some_failures_are_free_then_one_must_wait_even_with_the_right_password(
    app: Flask,
    clock: Clock,
) -> None:
    _fail(app, OF_PAIR.free + 1)
    answer = _login(app, PASSWORD)
    told = problem(answer, 429, "rate_limited")
    assert answer.headers["Retry-After"] == "1"
    assert told["context"] == {"retry_after_seconds": 1}
    clock.advance(1.1)
    assert _login(app, PASSWORD).status_code == 200
    _fail(app, OF_PAIR.free)


def test_each_further_failure_doubles_the_wait(app: Flask, clock: Clock) -> None:
    _fail(app, OF_PAIR.free)
    waits = []
    for _ in range(12):
        _fail(app, 1)
        waits.append(int(_login(app).headers["Retry-After"]))
        clock.advance(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_the_owner_is_never_kept_out_from_elsewhere(app: Flask) -> None:
    _fail(app, OF_PAIR.free + 1)
    problem(_login(app, PASSWORD), 429, "rate_limited")
    assert _login(app, PASSWORD, at=ELSEWHERE).status_code == 200
    problem(_login(app, PASSWORD), 429, "rate_limited")


def test_a_success_elsewhere_does_not_help_who_guesses(app: Flask) -> None:
    for _ in range(OF_PAIR.free):
        _fail(app, 1)
        assert _login(app, PASSWORD, at=ELSEWHERE).status_code == 200
    _fail(app, 1)
    problem(_login(app), 429, "rate_limited")


def test_trying_many_names_from_one_address_becomes_slow_too(app: Flask) -> None:
    for number in range(OF_ADDRESS.free + 1):
        _fail(app, 1, name=f"user-{number}")
    problem(_login(app, PASSWORD), 429, "rate_limited")
    assert _login(app, PASSWORD, at=ELSEWHERE).status_code == 200


def test_an_own_password_does_not_reset_what_counts_for_the_address(app: Flask) -> None:
    for number in range(OF_ADDRESS.free):
        _fail(app, 1, name=f"user-{number}")
        assert _login(app, PASSWORD).status_code == 200
    _fail(app, 1, name="one-more")
    problem(_login(app, PASSWORD), 429, "rate_limited")


def test_all_addresses_of_one_ipv6_network_are_one(app: Flask) -> None:
    for number in range(OF_PAIR.free + 1):
        _fail(app, 1, at=f"2001:db8:1:2::{number:x}")
    problem(_login(app, at="2001:db8:1:2:ffff::1"), 429, "rate_limited")
    _fail(app, 1, at="2001:db8:1:3::1")


def test_a_header_from_somebody_who_is_no_proxy_changes_nothing(make_app: MakeApp) -> None:
    app = make_app(login_rate="100000/minute")
    for number in range(OF_PAIR.free + 1):
        _fail(app, 1, at=f"192.0.2.{number}")
    problem(_login(app, PASSWORD, at=ELSEWHERE), 429, "rate_limited")


def test_a_name_that_does_not_exist_slows_down_alike(app: Flask) -> None:
    told = []
    for name in ("admin", "nobody"):
        _fail(app, OF_PAIR.free + 1, name=name)
        body = problem(_login(app, name=name), 429, "rate_limited")
        told.append({key: value for key, value in body.items() if key != "request_id"})
    assert told[0] == told[1]


def test_attempts_at_once_gain_nothing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[None] = []
    monkeypatch.setattr(password_hashing, "_hasher", Interrupted(lambda: looked.append(None)))
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: _login(app).status_code, range(24)))
    assert len(looked) == OF_PAIR.free + 1
    assert sorted(statuses) == [401] * (OF_PAIR.free + 1) + [429] * (23 - OF_PAIR.free)


def test_a_busy_machine_is_nobodys_failure(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    _fail(app, OF_PAIR.free - 1)
    with monkeypatch.context() as patch:
        patch.setattr(password_hashing, "_slots", threading.BoundedSemaphore(1))
        patch.setattr(password_hashing, "WAIT_SECONDS", 0.01)
        with password_hashing._slots:
            for _ in range(5):
                told = problem(_login(app), 429, "rate_limited")
                assert "at this moment" in told["detail"]
    _fail(app, 2)
    assert "failed too often" in problem(_login(app), 429, "rate_limited")["detail"]


def test_a_refused_attempt_is_not_looked_at_nor_recorded(app: Flask) -> None:
    _fail(app, OF_PAIR.free + 1)
    for _ in range(3):
        _login(app)
    with context_of(app).read() as session:
        query = select(AuditEvent).where(AuditEvent.action == "session.refused")
        found = list(session.scalars(query))
    assert len(found) == OF_PAIR.free + 1
    assert {event.address for event in found} == {HOME}


def test_failures_survive_a_restart_and_hold_while_redis_is_away(
    app: Flask, make_app: MakeApp
) -> None:
    _fail(app, OF_PAIR.free + 1)
    restarted = make_app(login_rate="100000/minute", trusted_proxies="127.0.0.1")
    problem(_login(restarted, PASSWORD), 429, "rate_limited")


def test_old_failures_are_forgotten_and_removed(app: Flask, clock: Clock) -> None:
    _fail(app, OF_PAIR.free + 1)
    clock.advance(OF_PAIR.memory.total_seconds())
    _fail(app, OF_PAIR.free)
    assert _login(app, PASSWORD).status_code == 200
    _fail(app, 1)
    clock.advance(OF_PAIR.memory.total_seconds())
    with context_of(app).write() as session:
        forget_old_failures(session)
    assert Rest(app).count(SignInFailure) == 0


def test_what_is_kept_names_neither_address_nor_name(app: Flask) -> None:
    _fail(app, 1, name="typed-my-password-here")
    with context_of(app).read() as session:
        kept = " ".join(session.scalars(select(SignInFailure.origin)))
    assert HOME not in kept
    assert "typed" not in kept


def test_guessing_the_present_password_in_a_stolen_session_becomes_slow_too(app: Flask) -> None:
    rest = Rest(app)
    body = {"current_password": "wrong", "new_password": "quite another one"}
    for _ in range(OF_PAIR.free + 1):
        problem(rest.post("/auth/password", body), 422, "validation_failed")
    right = {**body, "current_password": PASSWORD}
    problem(rest.post("/auth/password", right), 429, "rate_limited")


def test_the_console_says_how_long_to_wait(app: Flask) -> None:
    _fail(app, OF_PAIR.free + 1)
    client = app.test_client()
    form = client.get("/sign-in").text
    token = form.partition('name="form_token" value="')[2].partition('"')[0]
    assert token
    page = client.post(
        "/sign-in",
        data={"form_token": token, "username": "admin", "password": PASSWORD},
        headers={"X-Forwarded-For": HOME},
    )
    assert page.status_code == 429
    assert "Try again in 1 seconds." in page.text


def test_a_hash_of_other_costs_is_renewed_at_sign_in(
    app: Flask, monkeypatch: pytest.MonkeyPatch, cheap_hasher: PasswordHasher
) -> None:
    monkeypatch.setattr(password_hashing, "_hasher", PasswordHasher(time_cost=2, memory_cost=128))

    def stored() -> str:
        with context_of(app).read() as session:
            return session.scalars(select(User.password_hash)).one()

    cheap = stored()
    assert extract_parameters(cheap).memory_cost == cheap_hasher.memory_cost
    assert _login(app, "wrong").status_code == 401
    assert stored() == cheap
    assert _login(app, PASSWORD).status_code == 200
    renewed = stored()
    assert extract_parameters(renewed) == extract_parameters(password_hashing.hash_password("x"))
    assert password_hashing.verify_password(PASSWORD, renewed)
    assert _login(app, PASSWORD).status_code == 200
    assert stored() == renewed


def test_a_user_disabled_while_signing_in_gets_no_session(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disable() -> None:
        with context_of(app).write() as session:
            session.execute(update(User).values(disabled_at=utc_now()))

    monkeypatch.setattr(password_hashing, "_hasher", Interrupted(disable))
    problem(_login(app, PASSWORD), 401, "unauthenticated")
    with context_of(app).read() as session:
        assert session.scalars(select(UserSession)).all() == []
