"""Signing in, renewing, signing out; forged tokens have their own tests."""

from __future__ import annotations

import time
from typing import Any

import pytest
from argon2 import extract_parameters
from argon2.profiles import get_default_parameters
from flask import Flask
from pydantic import SecretStr
from redis import Redis
from sqlalchemy import select

from app.clock import utc_now
from app.models import AuditEvent, User, UserSession
from app.services.identity import password_hashing
from tests.api.conftest import PASSWORD, MakeApp
from tests.api.rest import Rest, pointers, problem
from tests.landform import NOWHERE

LOGIN = {"username": "admin", "password": PASSWORD}


def _login(app: Flask, **body: Any) -> Any:
    return app.test_client().post("/api/v1/auth/login", json=body or LOGIN)


def _me(app: Flask, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().get("/api/v1/auth/me", headers=headers)


def _refresh(app: Flask, token: str) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return app.test_client().post("/api/v1/auth/refresh", headers=headers)


def test_name_and_password_give_tokens_that_work(app: Flask) -> None:
    answer = _login(app)
    assert answer.status_code == 200
    assert set(answer.json) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (answer.json["token_type"], answer.json["expires_in"]) == ("Bearer", 900)
    me = _me(app, answer.json["access_token"])
    assert (me.json["username"], me.json["is_admin"]) == ("admin", True)


@pytest.mark.parametrize("body", [{**LOGIN, "password": "wrong"}, {**LOGIN, "username": "nobody"}])
def test_a_wrong_name_and_a_wrong_password_look_alike(app: Flask, body: dict[str, str]) -> None:
    answer = _login(app, **body)
    told = problem(answer, 401, "unauthenticated")
    assert told["detail"] == "The user name or the password is wrong."
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"username": "admin"}, "/password"),
        ({**LOGIN, "username": ""}, "/username"),
        ({**LOGIN, "username": "a\x00"}, "/username"),
        ({**LOGIN, "password": "x" * 1025}, "/password"),
        ({**LOGIN, "password": 5}, "/password"),
        ({**LOGIN, "otp": "1"}, "/otp"),
    ],
)
def test_a_malformed_sign_in_is_told_where(app: Flask, body: dict[str, Any], pointer: str) -> None:
    answer = _login(app, **body)
    assert pointers(problem(answer, 422, "validation_failed")) == [pointer]


def test_a_password_with_a_lone_surrogate_is_refused(app: Flask) -> None:
    answer = app.test_client().post(
        "/api/v1/auth/login",
        data='{"username": "admin", "password": "\\ud800"}',
        content_type="application/json",
    )
    problem(answer, 422, "validation_failed")


def test_sign_ins_are_audited_with_the_request(rest: Rest) -> None:
    _login(rest.app)
    _login(rest.app, **{**LOGIN, "password": "wrong"})
    with rest.ctx.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()).limit(2)).all()
    assert {event.action for event in events} == {"session.start", "session.refused"}
    assert all(event.request_id for event in events)


def test_without_a_token_the_answer_says_how_to_sign_in(app: Flask) -> None:
    answer = app.test_client().get("/api/v1/stacks")
    problem(answer, 401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="landform"'


@pytest.mark.parametrize("scheme", ["Basic YWRtaW46YWRtaW4=", "Bearer", "bearer  x", "Token x"])
def test_another_scheme_is_refused(app: Flask, scheme: str) -> None:
    answer = app.test_client().get("/api/v1/stacks", headers={"Authorization": scheme})
    problem(answer, 401, "unauthenticated")


def test_a_cookie_does_not_open_the_api(rest: Rest) -> None:
    client = rest.app.test_client()
    client.set_cookie("landform_session", rest.cookie())
    problem(client.get("/api/v1/stacks"), 401, "unauthenticated")


def test_an_access_token_does_not_renew(rest: Rest) -> None:
    problem(_refresh(rest.app, rest.access_token()), 401, "unauthenticated")


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(app: Flask) -> None:
    first = _login(app).json
    second = _refresh(app, first["refresh_token"])
    assert second.status_code == 200
    assert second.json["refresh_token"] != first["refresh_token"]
    assert _me(app, second.json["access_token"]).status_code == 200
    problem(_refresh(app, first["refresh_token"]), 401, "refresh_token_reused")
    problem(_refresh(app, second.json["refresh_token"]), 401, "unauthenticated")
    problem(_me(app, second.json["access_token"]), 401, "unauthenticated")


def test_signing_out_stops_the_tokens_at_once(rest: Rest) -> None:
    answer = rest.post("/auth/logout")
    assert (answer.status_code, answer.data) == (204, b"")
    problem(rest.get("/auth/me"), 401, "unauthenticated")
    problem(_refresh(rest.app, rest.refresh_token()), 401, "unauthenticated")


def test_tokens_survive_a_restart(make_app: MakeApp) -> None:
    token = Rest(make_app()).access_token()
    assert _me(make_app(), token).status_code == 200


def test_tokens_outlive_a_new_signing_key_as_long_as_the_old_one_is_listed(
    make_app: MakeApp,
) -> None:
    old_key, new_key = (SecretStr(f"{word} key of thirty-two bytes or more") for word in "ab")
    before = make_app(secret_key=old_key)
    old = _login(before).json
    during = make_app(secret_key=new_key, secret_key_fallbacks=old_key)
    assert _me(during, old["access_token"]).status_code == 200
    renewed = _refresh(during, old["refresh_token"]).json
    after = make_app(secret_key=new_key)
    assert _me(after, renewed["access_token"]).status_code == 200
    for app, token in ((after, old["access_token"]), (before, renewed["access_token"])):
        problem(_me(app, token), 401, "unauthenticated")


def test_a_disabled_user_is_shut_out_at_once(rest: Rest) -> None:
    with rest.ctx.write() as session:
        session.scalars(select(User)).one().disabled_at = utc_now()
    problem(rest.get("/stacks"), 401, "unauthenticated")
    problem(_refresh(rest.app, rest.refresh_token()), 401, "unauthenticated")
    problem(_login(rest.app), 401, "unauthenticated")


def test_an_expired_session_ends_its_tokens(rest: Rest) -> None:
    with rest.ctx.write() as session:
        session.get_one(UserSession, rest.opened.session_id).expires_at = utc_now()
    problem(rest.get("/stacks"), 401, "unauthenticated")


def test_me_shows_roles_and_rights_by_project(rest: Rest) -> None:
    me = rest.as_member("operator").get("/auth/me").json
    ((project, role),) = me["roles"].items()
    assert role == "operator"
    assert me["rights"][project] == [
        "operation:control", "project:read", "stack:read", "stack:write"
    ]  # fmt: skip


def test_too_many_sign_ins_are_slowed_down(make_app: MakeApp) -> None:
    app = make_app(login_rate="2/minute")
    assert [_login(app, **{**LOGIN, "password": "x"}).status_code for _ in range(2)] == [401, 401]
    answer = _login(app)
    problem(answer, 429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 61


def test_the_decoy_hash_costs_as_much_as_a_real_one_and_never_fits() -> None:
    decoy = extract_parameters(password_hashing._decoy())
    assert decoy == get_default_parameters()
    started = time.perf_counter()
    assert not password_hashing.verify_password(PASSWORD, None)
    without_user = time.perf_counter() - started
    real = password_hashing.hash_password("another")
    started = time.perf_counter()
    assert not password_hashing.verify_password(PASSWORD, real)
    with_user = time.perf_counter() - started
    assert without_user > with_user / 5
    assert not password_hashing.verify_password("", None)


def test_sign_in_needs_no_idempotency_and_keeps_none(rest: Rest) -> None:
    client = rest.app.test_client()
    headers = {"Idempotency-Key": "one"}
    answers = [client.post("/api/v1/auth/login", json=LOGIN, headers=headers) for _ in range(2)]
    assert answers[0].json["refresh_token"] != answers[1].json["refresh_token"]
    assert "Idempotent-Replayed" not in answers[1].headers


def test_what_was_revoked_stays_so_when_redis_is_flushed_or_away(
    make_app: MakeApp, fresh_redis_url: str
) -> None:
    rest = Rest(make_app(redis_url=fresh_redis_url))
    ended, machine = Rest(rest.app), rest.as_token("stack:read")
    disabled = rest.as_member("viewer")
    ended.post("/auth/logout")
    machine.delete(f"/tokens/{machine.get('/auth/me').json['token_id']}")
    rest.patch(f"/users/{disabled.user}", {"disabled": True}, If_Match="*")
    with Redis.from_url(fresh_redis_url) as redis:
        redis.flushall()
    for app in (rest.app, make_app(redis_url=NOWHERE)):
        for gone in (ended, machine, disabled):
            token = gone.headers["Authorization"].removeprefix("Bearer ")
            problem(_me(app, token), 401, "unauthenticated")
        assert _me(app, rest.access_token()).status_code == 200
