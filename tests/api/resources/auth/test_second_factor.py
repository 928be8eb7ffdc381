"""A second factor: set up, used, guessed at, lost and taken away; and the rule that demands it."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.models import AuditEvent, RecoveryCode, SignInFailure, UserSecondFactor
from app.services.identity.totp import STEP_SECONDS, code_at
from tests.api.conftest import PASSWORD, MakeApp
from tests.api.rest import Rest, pointers, problem

ADMIN = {"username": "admin", "password": PASSWORD}


class Phone:
    """An authenticator app that has been told a secret."""

    def __init__(self, secret: str) -> None:
        self.secret = base64.b32decode(secret)

    def code(self, steps: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return code_at(self.secret, time.time() + steps * STEP_SECONDS)


def login(app: Flask, **more: str) -> TestResponse:
    return app.test_client().post("/api/v1/auth/login", json={**ADMIN, **more})


def answer(app: Flask, challenge: str, totp: str) -> TestResponse:
    body = {"challenge": challenge, "totp": totp}
    return app.test_client().post("/api/v1/auth/login/totp", json=body)


def forget_step(rest: Rest) -> None:
    """As if the next time step had come."""
    with rest.ctx.write() as session:
        for row in session.scalars(select(UserSecondFactor)):
            row.last_step = 0


def enrol(rest: Rest) -> tuple[Phone, list[str]]:
    """Set up a factor, whose first code has been forgotten again."""
    begun = rest.post("/auth/second-factor")
    assert begun.status_code == 200, begun.text
    phone = Phone(begun.json["secret"])
    activated = rest.post("/auth/second-factor/activate", {"totp": phone.code()})
    assert activated.status_code == 200, activated.text
    forget_step(rest)
    return phone, activated.json["recovery_codes"]


def test_a_factor_counts_once_its_first_code_was_seen(rest: Rest, app: Flask) -> None:
    begun = rest.post("/auth/second-factor").json
    assert begun["otpauth_uri"].startswith("otpauth://totp/Landform:admin?")
    assert begun["secret"] in begun["otpauth_uri"]
    assert rest.get("/auth/second-factor").json == {
        "active": False,
        "pending": True,
        "required": False,
        "recovery_codes_left": 0,
    }
    assert login(app).status_code == 200
    wrong = rest.post("/auth/second-factor/activate", {"totp": "000000"})
    assert pointers(problem(wrong, 422, "validation_failed")) == ["/totp"]
    phone = Phone(begun["secret"])
    assert rest.post("/auth/second-factor/activate", {"totp": phone.code()}).status_code == 200
    assert rest.get("/auth/second-factor").json["active"] is True
    problem(rest.post("/auth/second-factor"), 409, "conflict")


def test_the_other_sessions_end_when_a_factor_counts(rest: Rest) -> None:
    other = Rest(rest.app)
    enrol(rest)
    problem(other.get("/stacks"), 401, "unauthenticated")
    assert rest.get("/stacks").status_code == 200


def test_signing_in_takes_the_code_in_one_step_or_two(rest: Rest, app: Flask) -> None:
    phone, _ = enrol(rest)
    told = problem(login(app), 401, "totp_required")
    challenge = told["context"]["challenge"]
    problem(answer(app, challenge, "000000"), 401, "unauthenticated")
    assert answer(app, challenge, phone.code()).status_code == 200
    forget_step(rest)
    assert login(app, totp=phone.code()).status_code == 200
    problem(login(app, totp="000000"), 401, "unauthenticated")


def test_a_code_is_taken_once(rest: Rest, app: Flask) -> None:
    phone, _ = enrol(rest)
    code = phone.code()
    assert login(app, totp=code).status_code == 200
    problem(login(app, totp=code), 401, "unauthenticated")
    assert login(app, totp=phone.code(1)).status_code == 200
    problem(login(app, totp=phone.code(-1)), 401, "unauthenticated")


def test_a_code_of_long_ago_or_far_ahead_is_none(rest: Rest, app: Flask) -> None:
    phone, _ = enrol(rest)
    for steps in (-10, -3, 3, 10):
        problem(login(app, totp=phone.code(steps)), 401, "unauthenticated")


def test_the_password_is_asked_for_before_any_code(rest: Rest, app: Flask) -> None:
    phone, _ = enrol(rest)
    body = {**ADMIN, "password": "wrong", "totp": phone.code()}
    told = problem(app.test_client().post("/api/v1/auth/login", json=body), 401, "unauthenticated")
    assert "code" not in told["detail"]
    assert login(app, totp=phone.code()).status_code == 200


def test_a_recovery_code_works_once_and_only_its_hash_is_kept(rest: Rest, app: Flask) -> None:
    _, codes = enrol(rest)
    assert len(set(codes)) == 10
    assert login(app, totp=codes[0].upper().replace("-", " ")).status_code == 200
    problem(login(app, totp=codes[0]), 401, "unauthenticated")
    assert rest.get("/auth/second-factor").json["recovery_codes_left"] == 9
    with rest.ctx.read() as session:
        kept = {row.code_sha256 for row in session.scalars(select(RecoveryCode))}
    assert not any(code in text for code in codes for text in kept)
    fresh = rest.post("/auth/second-factor/recovery-codes").json["recovery_codes"]
    problem(login(app, totp=codes[1]), 401, "unauthenticated")
    assert login(app, totp=fresh[0]).status_code == 200


def test_the_secret_is_sealed(rest: Rest) -> None:
    phone, _ = enrol(rest)
    with rest.ctx.read() as session:
        sealed = session.scalars(select(UserSecondFactor.sealed_secret)).one()
    assert phone.secret not in sealed
    assert base64.b64encode(phone.secret) not in sealed


def test_wrong_codes_slow_down_the_account_wherever_they_come_from(rest: Rest, app: Flask) -> None:
    phone, _ = enrol(rest)
    for _ in range(2):
        problem(login(app, totp="000000"), 401, "unauthenticated")
    with rest.ctx.write() as session:
        rows = session.scalars(select(SignInFailure)).all()
        assert {row.count for row in rows} == {2}
        assert len(rows) == 3, "the address, the pair of address and name, and the account"
        for row in rows:
            row.blocked_until = utc_now()
        account = max(rows, key=lambda row: row.forgotten_at)  # remembered longest
        account.blocked_until = utc_now().replace(year=utc_now().year + 1)
    told = problem(login(app, totp=phone.code()), 429, "rate_limited")
    assert "codes" in told["detail"]


@pytest.mark.parametrize("challenge", ["", "x", "AAAA", "é", "a" * 2000])
def test_a_forged_challenge_is_none(rest: Rest, app: Flask, challenge: str) -> None:
    phone, _ = enrol(rest)
    told = answer(app, challenge, phone.code())
    assert told.status_code in (401, 422), told.text


def test_a_challenge_ends_with_the_password_it_was_given_for(rest: Rest, app: Flask) -> None:
    phone, _ = enrol(rest)
    challenge = login(app).json["context"]["challenge"]
    body = {"current_password": PASSWORD, "new_password": "another fine phrase"}
    assert rest.post("/auth/password", body).status_code == 204
    problem(answer(app, challenge, phone.code()), 401, "unauthenticated")


def test_confirming_takes_the_code_too(rest: Rest) -> None:
    phone, _ = enrol(rest)
    missing = rest.post("/auth/confirm", {"password": PASSWORD})
    assert pointers(problem(missing, 422, "validation_failed")) == ["/totp"]
    wrong = rest.post("/auth/confirm", {"password": PASSWORD, "totp": "000000"})
    assert pointers(problem(wrong, 422, "validation_failed")) == ["/totp"]
    right = {"password": PASSWORD, "totp": phone.code()}
    assert rest.post("/auth/confirm", right).status_code == 200
    again = rest.post("/auth/confirm", right)
    assert pointers(problem(again, 422, "validation_failed")) == ["/totp"]


def test_an_own_factor_is_removed_in_a_confirmed_session(rest: Rest, app: Flask) -> None:
    enrol(rest)
    stolen = Rest(rest.app, is_confirmed=False)
    problem(stolen.delete("/auth/second-factor"), 403, "confirmation_required")
    assert rest.delete("/auth/second-factor").status_code == 204
    assert login(app).status_code == 200
    problem(rest.delete("/auth/second-factor"), 404, "not_found")


def test_an_administrator_resets_the_factor_of_somebody_who_lost_it(rest: Rest) -> None:
    rest.post("/users", {"name": "vera", "password": "a long enough one"})
    vera = Rest(rest.app, "vera")
    enrol(vera)
    assert rest.delete("/users/vera/second-factor").status_code == 204
    problem(vera.get("/stacks"), 401, "unauthenticated")
    body = {"username": "vera", "password": "a long enough one"}
    assert rest.client.post("/api/v1/auth/login", json=body).status_code == 200
    problem(rest.delete("/users/vera/second-factor"), 404, "not_found")
    with rest.ctx.read() as session:
        event = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "second_factor.reset")
        ).one()
    assert (event.actor, event.detail["name"]) == ("admin", "vera")


def test_a_user_who_is_deleted_leaves_no_secret(rest: Rest) -> None:
    rest.post("/users", {"name": "vera", "password": "a long enough one"})
    enrol(Rest(rest.app, "vera"))
    assert rest.delete("/users/vera", If_Match="*").status_code == 204
    assert rest.count(UserSecondFactor) == rest.count(RecoveryCode) == 0


@pytest.mark.parametrize(("rule", "is_asked"), [("none", []), ("admins", ["admin"]), ("all", None)])
def test_a_rule_demands_a_factor(make_app: MakeApp, rule: str, is_asked: Any) -> None:
    rest = Rest(make_app(require_second_factor=rule))
    member = rest.ctx and Rest(rest.app).as_member("viewer")
    asked = []
    for caller in (rest, member):
        found = caller.get("/stacks")
        if found.status_code == 403:
            problem(found, 403, "second_factor_required")
            asked.append(caller.user)
    assert asked == ([rest.user, member.user] if is_asked is None else is_asked)
    if asked:
        assert rest.get("/auth/second-factor").json["required"] is True
        enrol(rest)
        assert rest.get("/stacks").status_code == 200


def test_the_console_leads_who_needs_a_factor_to_the_page_that_sets_it_up(
    make_app: MakeApp,
) -> None:
    rest = Rest(make_app(require_second_factor="all"))
    browser = rest.app.test_client()
    browser.set_cookie("landform_session", rest.cookie())
    assert browser.get("/stacks").headers["Location"] == "/settings/second-factor"
    page = browser.get("/settings/second-factor")
    assert page.status_code == 200
    assert "must use two-factor authentication" in page.text
