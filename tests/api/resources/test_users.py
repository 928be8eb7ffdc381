"""Users: made, changed and deleted by administrators, of whom one always remains."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.clock import rfc3339
from app.models import AuditEvent, User
from tests.api.conftest import PASSWORD
from tests.api.rest import Rest, pointers, problem

VERA = {"name": "vera", "password": "a long enough one"}


def _made(rest: Rest, **more: Any) -> dict[str, Any]:
    answer = rest.post("/users", {**VERA, **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json or {})


def _login(app: Flask, password: str = VERA["password"], name: str = "vera") -> Any:
    body = {"username": name, "password": password}
    return app.test_client().post("/api/v1/auth/login", json=body)


def _stored(rest: Rest, name: str = "vera") -> User:
    with rest.ctx.read() as session:
        return session.scalars(select(User).where(User.name == name)).one()


def test_a_new_user_signs_in_and_has_no_role_anywhere(rest: Rest) -> None:
    made = rest.post("/users", VERA)
    assert made.status_code == 201
    assert made.headers["Location"] == made.json["links"]["self"]
    assert "password" not in made.text
    assert rest.get(f"/users/{made.json['id']}").json == rest.get("/users/vera").json == made.json
    assert made.json["last_sign_in_at"] is None
    assert _login(rest.app).status_code == 200
    shown = rest.get("/users/vera").json
    assert shown["last_sign_in_at"] == rfc3339(_stored(rest).last_sign_in_at)
    assert Rest(rest.app, "vera").get("/projects").json["items"] == []


def test_the_list_shows_everybody_in_pages(rest: Rest) -> None:
    _made(rest)
    first = rest.get("/users", limit=1).json
    second = rest.get("/users", limit=1, cursor=first["next_cursor"]).json
    assert [item["name"] for item in (*first["items"], *second["items"])] == ["vera", "admin"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users"),
        ("POST", "/users"),
        ("GET", "/users/admin"),
        ("GET", "/users/nobody"),
        ("PATCH", "/users/admin"),
        ("DELETE", "/users/nobody"),
    ],
)
def test_users_are_for_administrators_and_others_learn_nothing(
    rest: Rest, method: str, path: str
) -> None:
    member = rest.as_member("admin")
    answer = member.call(method, path, json=VERA, headers={"If-Match": "*"})
    if method == "PATCH":
        answer = member.patch(path, {"is_admin": True}, If_Match="*")
    assert "user:manage" in problem(answer, 403, "permission_denied")["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({**VERA, "name": "Vera"}, "/name"),
        ({**VERA, "name": "usr_01"}, "/name"),
        ({**VERA, "name": "system"}, "/name"),
        ({**VERA, "name": "ve ra"}, "/name"),
        ({**VERA, "name": "vera\n"}, "/name"),
        ({**VERA, "name": "vera."}, "/name"),
        ({**VERA, "name": "véra"}, "/name"),
        ({**VERA, "name": "a" * 65}, "/name"),
        ({**VERA, "name": ""}, "/name"),
        ({**VERA, "password": "short"}, "/password"),
        ({**VERA, "password": "aaaaaaaaaaaa"}, "/password"),
        ({**VERA, "password": "Password1"}, "/password"),
        ({**VERA, "password": "my VERA 2026"}, "/password"),
        ({**VERA, "password": "é" * 600}, "/password"),
        ({**VERA, "password": "x" * 1025}, "/password"),
        ({**VERA, "password": None}, "/password"),
        ({**VERA, "is_admin": "yes"}, "/is_admin"),
        ({**VERA, "password_hash": "x"}, "/password_hash"),
        ({**VERA, "disabled": True}, "/disabled"),
    ],
)
def test_a_bad_user_is_refused_where_it_is_bad(
    reader: Rest, body: dict[str, Any], pointer: str
) -> None:
    told = problem(reader.post("/users", body), 422, "validation_failed")
    assert pointers(told) == [pointer]
    assert "my VERA" not in str(told)


def test_a_name_is_never_given_to_somebody_else(rest: Rest) -> None:
    _made(rest)
    assert pointers(problem(rest.post("/users", VERA), 409, "name_taken")) == ["/name"]
    assert rest.delete("/users/vera", If_Match="*").status_code == 204
    problem(rest.post("/users", VERA), 409, "name_taken")


def test_making_a_user_is_safe_to_repeat_and_keeps_no_plain_password(rest: Rest) -> None:
    made = [rest.post("/users", VERA, Idempotency_Key="one") for _ in range(2)]
    assert made[0].json == made[1].json
    assert made[1].headers["Idempotent-Replayed"] == "true"
    home = rest.ctx.settings.home_dir
    for file in home.glob("landform.db*"):
        assert VERA["password"].encode() not in file.read_bytes()


def test_disabling_shuts_out_at_once_and_enabling_lets_in_again(rest: Rest) -> None:
    _made(rest)
    vera = Rest(rest.app, "vera")
    disabled = rest.patch("/users/vera", {"disabled": True}, If_Match="*")
    assert (disabled.json["disabled"], disabled.json["disabled_at"] is not None) == (True, True)
    problem(vera.get("/auth/me"), 401, "unauthenticated")
    problem(_login(rest.app), 401, "unauthenticated")
    again = rest.patch("/users/vera", {"disabled": True}, If_Match="*")
    assert (again.status_code, again.json["disabled"]) == (200, True)
    enabled = rest.patch("/users/vera", {"disabled": False}, If_Match="*")
    assert enabled.json["disabled_at"] is None
    problem(vera.get("/auth/me"), 401, "unauthenticated")  # her session does not rise again
    assert _login(rest.app).status_code == 200


def test_deleting_ends_sessions_and_roles_and_hides_the_user(rest: Rest) -> None:
    member = rest.as_member("operator")
    path = f"/users/{member.user}"
    assert rest.delete(path, If_Match='"1"').status_code == 204
    problem(member.get("/auth/me"), 401, "unauthenticated")
    problem(rest.get(path), 404, "not_found")
    problem(rest.delete(path, If_Match="*"), 404, "not_found")
    problem(rest.patch(path, {"disabled": False}, If_Match="*"), 404, "not_found")
    assert rest.get("/projects/default/members").json["items"] == []
    assert member.user not in [item["name"] for item in rest.get("/users").json["items"]]
    put = rest.call("PUT", f"/projects/default/members/{member.user}", json={"role": "viewer"})
    problem(put, 404, "not_found")


def test_a_password_that_an_administrator_sets_ends_the_sessions(rest: Rest) -> None:
    _made(rest)
    vera = Rest(rest.app, "vera")
    body = {"password": "another fine one"}
    assert rest.patch("/users/vera", body, If_Match="*").status_code == 200
    problem(vera.get("/auth/me"), 401, "unauthenticated")
    problem(_login(rest.app), 401, "unauthenticated")
    assert _login(rest.app, body["password"]).status_code == 200
    told = problem(rest.patch("/users/vera", {"password": "veravera1"}, If_Match="*"), 422,
                   "validation_failed")  # fmt: skip
    assert pointers(told) == ["/password"]


def test_becoming_an_administrator_and_no_longer_takes_effect_at_once(rest: Rest) -> None:
    _made(rest)
    vera = Rest(rest.app, "vera")
    rest.patch("/users/vera", {"is_admin": True}, If_Match="*")
    assert vera.get("/users").status_code == 200
    rest.patch("/users/vera", {"is_admin": False}, If_Match="*")
    problem(vera.get("/users"), 401, "unauthenticated")
    problem(Rest(rest.app, "vera").get("/users"), 403, "permission_denied")


@pytest.mark.parametrize("change", [{"is_admin": False}, {"disabled": True}, None])
def test_the_last_administrator_cannot_be_lost(rest: Rest, change: dict[str, Any] | None) -> None:
    _made(rest, is_admin=True)

    def give_up(name: str) -> Any:
        if change is None:
            return rest.delete(f"/users/{name}", If_Match="*")
        return rest.patch(f"/users/{name}", change, If_Match="*")

    assert give_up("vera").status_code in (200, 204)
    told = problem(give_up("admin"), 409, "conflict")
    assert "administer" in told["detail"]
    assert rest.get("/auth/me").status_code == 200


def test_two_administrators_cannot_demote_each_other_at_once(rest: Rest) -> None:
    _made(rest, is_admin=True)
    vera = Rest(rest.app, "vera")

    def demote(pair: tuple[Rest, str]) -> int:
        return pair[0].patch(f"/users/{pair[1]}", {"is_admin": False}, If_Match="*").status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(demote, [(rest, "vera"), (vera, "admin")]))
    assert statuses[0] == 200
    assert statuses[1] in (403, 409)
    with rest.ctx.read() as session:
        assert len(session.scalars(select(User).where(User.is_admin.is_(True))).all()) == 1


def test_changing_needs_the_present_version(rest: Rest) -> None:
    _made(rest)
    problem(rest.patch("/users/vera", {"disabled": True}), 428, "precondition_required")
    problem(rest.delete("/users/vera"), 428, "precondition_required")
    first = rest.patch("/users/vera", {"is_admin": True}, If_Match='"1"')
    assert first.headers["ETag"].startswith('"2.')
    problem(rest.patch("/users/vera", {"disabled": True}, If_Match='"1"'), 412,
            "precondition_failed")  # fmt: skip
    problem(rest.delete("/users/vera", If_Match='"1"'), 412, "precondition_failed")
    same = rest.patch("/users/vera", {"is_admin": True}, If_Match='"2"')
    assert same.headers["ETag"].startswith('"2.')


def test_what_happens_to_users_is_in_the_audit_trail_without_secrets(rest: Rest) -> None:
    made = _made(rest)
    rest.patch("/users/vera", {"password": "another fine one"}, If_Match="*")
    rest.delete("/users/vera", If_Match="*")
    with rest.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.object_id == made["id"])
        found = list(session.scalars(query.order_by(AuditEvent.id)))
    assert [event.action for event in found] == ["user.create", "user.change", "user.delete"]
    assert {event.actor for event in found} == {"admin"}
    assert "another" not in str([event.detail for event in found])


def test_nobody_can_sign_in_with_a_password_of_somebody_else(rest: Rest) -> None:
    _made(rest)
    problem(_login(rest.app, PASSWORD), 401, "unauthenticated")
    problem(_login(rest.app, VERA["password"], "admin"), 401, "unauthenticated")
