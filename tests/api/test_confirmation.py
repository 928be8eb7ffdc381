"""A token is not a person: what asks for a session whose password was given a moment ago."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import utc_now
from app.domain.permissions import PROOFS, Act
from app.models import ApiToken, AuditEvent, IdempotencyRecord, SignInFailure, User, UserSession
from tests.api.conftest import PASSWORD
from tests.api.rest import Rest, pointers, problem
from tests.api.states import keep_state, state_bytes

VERA = {"name": "vera", "password": "a long enough one"}


@pytest.fixture
def unconfirmed(rest: Rest) -> Rest:
    """The administrator in a session that somebody may have stolen."""
    return Rest(rest.app, is_confirmed=False)


def acts(rest: Rest) -> dict[str, Any]:
    """Every request that needs a person, as (method, path, body), on things that are there."""
    rest.post("/users", VERA)
    rest.post("/users", {"name": "otto", "password": VERA["password"], "is_admin": True})
    rest.call("PUT", "/projects/default/members/vera", json={"role": "viewer"})
    return {
        "make an administrator": ("PATCH", "/users/vera", {"is_admin": True}),
        "unmake one": ("PATCH", "/users/otto", {"is_admin": False}),
        "disable one": ("PATCH", "/users/otto", {"disabled": True}),
        "delete one": ("DELETE", "/users/otto", None),
        "set a password": ("PATCH", "/users/vera", {"password": "another long one"}),
        "make a user with a password": ("POST", "/users", {**VERA, "name": "nina"}),
        "make a user who administers": ("POST", "/users", {"name": "nina", "is_admin": True}),
        "give the role admin": ("PUT", "/projects/default/members/vera", {"role": "admin"}),
        "reset a factor": ("DELETE", "/users/vera/second-factor", None),
        "make a token": ("POST", "/tokens", {"name": "x", "scopes": ["stack:read"]}),
        "begin a factor": ("POST", "/auth/second-factor", None),
    }


def _send(caller: Rest, request: tuple[str, str, Any]) -> Any:
    method, path, body = request
    return caller.call(method, path, json=body, headers={"If-Match": "*"})


def test_no_token_does_what_takes_a_person_whatever_its_scopes(rest: Rest) -> None:
    wanted = acts(rest)
    machine = rest.as_token("user:manage", "member:write", "project:read", "state:read")
    before = rest.get("/users").json
    for name, request in wanted.items():
        answer = _send(machine, request)
        assert answer.status_code == 403, (name, answer.text)
        assert "session" in answer.json["detail"], name
    assert rest.get("/users").json == before


def test_a_token_manages_ordinary_people_still(rest: Rest) -> None:
    machine = rest.as_token("user:manage", "member:write")
    assert machine.post("/users", {"name": "nina"}).status_code == 201
    role = machine.call("PUT", "/projects/default/members/nina", json={"role": "operator"})
    assert role.status_code == 200
    path = "/users/nina"
    assert machine.patch(path, {"disabled": True}, If_Match="*").status_code == 200
    assert machine.delete(path, If_Match="*").status_code == 204


def test_nobody_signs_in_as_a_user_without_a_password(rest: Rest) -> None:
    rest.post("/users", {"name": "nina"})
    for password in ("x", "none", " "):
        body = {"username": "nina", "password": password}
        problem(rest.client.post("/api/v1/auth/login", json=body), 401, "unauthenticated")


def test_a_session_alone_is_not_enough_and_a_confirmed_one_is(
    rest: Rest, unconfirmed: Rest
) -> None:
    wanted = acts(rest)
    for name, request in wanted.items():
        answer = _send(unconfirmed, request)
        assert answer.status_code == 403, (name, answer.text)
        told = problem(answer, 403, "confirmation_required")
        assert "/auth/confirm" in told["advice"], name
    until = unconfirmed.post("/auth/confirm", {"password": PASSWORD}).json["confirmed_until"]
    assert unconfirmed.get("/auth/me").json["confirmed_until"] == until
    made = unconfirmed.patch("/users/vera", {"is_admin": True}, If_Match="*")
    assert made.status_code == 200, made.text


def test_the_state_takes_a_confirmed_session_or_the_scope_of_a_token(
    rest: Rest, unconfirmed: Rest, network: dict[str, Any]
) -> None:
    keep_state(rest, network["id"], state_bytes(1, {"a": "1"}))
    path = f"/stacks/{network['id']}/state-versions/1/download"
    problem(unconfirmed.get(path), 403, "confirmation_required")
    machine = rest.as_token("state:read")
    assert machine.get(path).status_code == rest.get(path).status_code == 200
    with rest.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.action == "state_version.download")
        kinds = [row.actor_kind for row in session.scalars(query)]
    assert sorted(kinds) == ["token", "user"]


def test_a_confirmation_ends_and_holds_for_its_own_session_only(
    rest: Rest, unconfirmed: Rest
) -> None:
    assert rest.get("/auth/me").json["confirmed_until"] is not None
    assert unconfirmed.get("/auth/me").json["confirmed_until"] is None
    with rest.ctx.write() as session:
        row = session.get_one(UserSession, rest.opened.session_id)
        row.confirmed_at = utc_now() - timedelta(seconds=rest.ctx.settings.confirmation_seconds + 1)
    problem(rest.post("/users", VERA), 403, "confirmation_required")


def test_signing_in_does_not_confirm(app: Flask) -> None:
    body = {"username": "admin", "password": PASSWORD}
    token = app.test_client().post("/api/v1/auth/login", json=body).json["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.test_client().post("/api/v1/users", json=VERA, headers=headers)
    problem(answer, 403, "confirmation_required")


def _failures(rest: Rest) -> set[int]:
    with rest.ctx.read() as session:
        return set(session.scalars(select(SignInFailure.count)))


def test_a_wrong_password_confirms_nothing_and_is_recorded(unconfirmed: Rest) -> None:
    answer = unconfirmed.post("/auth/confirm", {"password": "wrong"})
    assert pointers(problem(answer, 422, "validation_failed")) == ["/password"]
    assert unconfirmed.get("/auth/me").json["confirmed_until"] is None
    with unconfirmed.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.action == "session.confirm_refused")
        assert len(session.scalars(query).all()) == 1


def test_failures_to_confirm_and_to_sign_in_share_one_budget(unconfirmed: Rest) -> None:
    unconfirmed.post("/auth/confirm", {"password": "wrong"})
    login = {"username": "admin", "password": "wrong"}
    unconfirmed.client.post("/api/v1/auth/login", json=login)
    assert _failures(unconfirmed) == {2}
    with unconfirmed.ctx.write() as session:
        for row in session.scalars(select(SignInFailure)):
            row.blocked_until = utc_now() + timedelta(minutes=5)
    right = {"password": PASSWORD}
    told = problem(unconfirmed.post("/auth/confirm", right), 429, "rate_limited")
    assert told["context"]["retry_after_seconds"] > 100


def test_a_token_confirms_nothing(rest: Rest) -> None:
    machine = rest.as_token("user:manage")
    answer = machine.post("/auth/confirm", {"password": PASSWORD})
    problem(answer, 403, "permission_denied")


def test_an_own_password_takes_the_present_one_and_ends_the_other_sessions(
    rest: Rest, unconfirmed: Rest
) -> None:
    body = {"current_password": "wrong", "new_password": "another fine phrase"}
    told = problem(unconfirmed.post("/auth/password", body), 422, "validation_failed")
    assert pointers(told) == ["/current_password"]
    body["current_password"] = PASSWORD
    assert unconfirmed.post("/auth/password", body).status_code == 204
    problem(rest.get("/stacks"), 401, "unauthenticated")
    assert unconfirmed.get("/stacks").status_code == 200


def test_every_act_says_what_it_asks_for() -> None:
    assert set(PROOFS) == set(Act)
    for_machines = {act for act, proof in PROOFS.items() if proof.is_for_tokens}
    assert for_machines == {Act.DOWNLOAD_STATE, Act.ROTATE_WEBHOOK_SECRET}
    assert all(proof.is_confirmed for proof in PROOFS.values())


# --- what ends what ---------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"disabled": True}, {"password": "another long one"}])
def test_disabling_and_a_new_password_end_sessions_and_tokens(
    rest: Rest, change: dict[str, Any]
) -> None:
    member = rest.as_member("viewer")
    machine = member.as_token("stack:read")
    rest.patch(f"/users/{member.user}", change, If_Match="*")
    for caller in (member, machine):
        problem(caller.get("/stacks"), 401, "unauthenticated")


def test_who_is_no_administrator_any_more_loses_tokens_for_the_whole(rest: Rest) -> None:
    member = rest.as_member("viewer")
    path = f"/users/{member.user}"
    rest.patch(path, {"is_admin": True}, If_Match="*")
    small, large = member.as_token("stack:read"), member.as_token("stack:read", "user:manage")
    rest.patch(path, {"is_admin": False}, If_Match="*")
    problem(member.get("/stacks"), 401, "unauthenticated")
    problem(large.get("/stacks"), 401, "unauthenticated")
    assert small.get("/stacks").status_code == 200


def test_a_membership_that_ends_takes_its_tokens_along(rest: Rest) -> None:
    member = rest.as_member("viewer")
    own = member.as_token("stack:read", project="default")
    rest.delete(f"/projects/default/members/{member.user}")
    problem(own.get("/stacks"), 401, "unauthenticated")
    rest.call("PUT", f"/projects/default/members/{member.user}", json={"role": "viewer"})
    problem(own.get("/stacks"), 401, "unauthenticated")


# --- each kind of token in its place ------------------------------------------------------------


def test_the_cookie_of_a_session_is_no_bearer_token_and_the_other_way_round(rest: Rest) -> None:
    headers = {"Authorization": f"Bearer {rest.cookie()}"}
    problem(rest.client.get("/api/v1/stacks", headers=headers), 401, "unauthenticated")
    browser = rest.app.test_client()
    browser.set_cookie("landform_session", rest.access_token())
    assert browser.get("/stacks").headers["Location"].startswith("/sign-in")
    browser.set_cookie("landform_session", rest.cookie())
    assert browser.get("/stacks").status_code == 200
    browser.set_cookie("landform_session", rest.refresh_token())
    assert browser.get("/stacks").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_name_of_the_scheme_has_no_case(rest: Rest, scheme: str) -> None:
    machine = rest.as_token("stack:read")
    for caller in (rest, machine):
        token = caller.headers["Authorization"].split()[1]
        headers = {"Authorization": f"{scheme} {token}"}
        assert rest.client.get("/api/v1/stacks", headers=headers).status_code == 200


# --- a request that is repeated -----------------------------------------------------------------


def test_a_replay_asks_for_the_rights_anew(rest: Rest) -> None:
    member = rest.as_member("operator")
    body = {"name": "files", "cloud_account": "sandbox"}
    first = member.post("/buckets", body, Idempotency_Key="k")
    assert member.post("/buckets", body, Idempotency_Key="k").json == first.json
    rest.call("PUT", f"/projects/default/members/{member.user}", json={"role": "viewer"})
    problem(member.post("/buckets", body, Idempotency_Key="k"), 403, "permission_denied")
    rest.delete(f"/projects/default/members/{member.user}")
    problem(member.post("/buckets", body, Idempotency_Key="k"), 404, "not_found")
    rest.patch(f"/users/{member.user}", {"disabled": True}, If_Match="*")
    problem(member.post("/buckets", body, Idempotency_Key="k"), 401, "unauthenticated")


def test_a_replay_asks_for_the_confirmation_anew(rest: Rest) -> None:
    body = {"name": "x", "scopes": ["stack:read"]}
    assert rest.post("/tokens", body, Idempotency_Key="k").status_code == 201
    with rest.ctx.write() as session:
        session.get_one(UserSession, rest.opened.session_id).confirmed_at = None
    answer = rest.post("/tokens", body, Idempotency_Key="k")
    problem(answer, 403, "confirmation_required")
    assert rest.count(ApiToken) == 1


def test_a_replay_of_a_service_right_is_refused_after_it_is_gone(rest: Rest) -> None:
    member = rest.as_member(None)
    path = f"/users/{member.user}"
    rest.patch(path, {"is_admin": True}, If_Match="*")
    assert member.post("/projects", {"name": "mine"}, Idempotency_Key="k").status_code == 201
    with rest.ctx.write() as session:  # as if the session had outlived it
        user = session.scalars(select(User).where(User.name == member.user)).one()
        user.is_admin = False
    answer = member.post("/projects", {"name": "mine"}, Idempotency_Key="k")
    problem(answer, 403, "permission_denied")


def test_an_answer_of_an_earlier_release_is_not_given_again(rest: Rest) -> None:
    body = {"name": "mine"}
    rest.post("/projects", body, Idempotency_Key="k")
    with rest.ctx.write() as session:
        for kept in session.scalars(select(IdempotencyRecord)):
            kept.demands, kept.body = None, {}
    problem(rest.post("/projects", body, Idempotency_Key="k"), 409, "answer_not_kept")
