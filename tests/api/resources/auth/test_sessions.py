"""What a person does with the own sign-ins: see them, end them, change the password."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import PASSWORD
from tests.api.rest import Rest, pointers, problem

NEW = "quite another passphrase"


def _change(rest: Rest, current: object = PASSWORD, new: object = NEW) -> Any:
    return rest.post("/auth/password", {"current_password": current, "new_password": new})


def _login(rest: Rest, password: str) -> int:
    body = {"username": "admin", "password": password}
    return rest.app.test_client().post("/api/v1/auth/login", json=body).status_code


def test_a_person_sees_the_own_sessions_only(rest: Rest) -> None:
    second, outsider = Rest(rest.app), rest.as_member("viewer")
    shown = rest.get("/auth/sessions").json["items"]
    assert [item["current"] for item in shown] == [False, True]
    assert shown[0]["id"] == second.opened.session_id
    assert [item["current"] for item in outsider.get("/auth/sessions").json["items"]] == [True]


def test_ending_one_session_stops_its_tokens_and_no_others(rest: Rest) -> None:
    second = Rest(rest.app)
    path = f"/auth/sessions/{second.opened.session_id}"
    assert rest.delete(path).status_code == 204
    problem(second.get("/auth/me"), 401, "unauthenticated")
    assert rest.get("/auth/me").status_code == 200
    problem(rest.delete(path), 404, "not_found")


def test_another_persons_session_looks_like_a_missing_one(rest: Rest) -> None:
    outsider = rest.as_member("admin")
    path = "/auth/sessions/{}"
    told = [
        problem(outsider.delete(path.format(session)), 404, "not_found")["detail"]
        for session in (rest.opened.session_id, "ses_none")
    ]
    assert told[0].replace(rest.opened.session_id, "ses_none") == told[1]
    assert rest.get("/auth/me").status_code == 200


def test_signing_out_everywhere_ends_every_session_and_its_refresh_tokens(rest: Rest) -> None:
    second, outsider = Rest(rest.app), rest.as_member("viewer")
    assert rest.delete("/auth/sessions").status_code == 204
    for ended in (rest, second):
        problem(ended.get("/auth/me"), 401, "unauthenticated")
        headers = {"Authorization": f"Bearer {ended.refresh_token()}"}
        renewed = ended.client.post("/api/v1/auth/refresh", headers=headers)
        problem(renewed, 401, "unauthenticated")
    assert outsider.get("/auth/me").status_code == 200


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(rest: Rest) -> None:
    second = Rest(rest.app)
    answer = _change(rest)
    assert (answer.status_code, answer.data) == (204, b"")
    assert rest.get("/auth/me").status_code == 200
    problem(second.get("/auth/me"), 401, "unauthenticated")
    assert (_login(rest, PASSWORD), _login(rest, NEW)) == (401, 200)


@pytest.mark.parametrize(
    ("current", "new", "pointer"),
    [
        ("wrong", NEW, "/current_password"),
        (NEW, NEW, "/current_password"),
        ("", NEW, "/current_password"),
        (None, NEW, "/current_password"),
        (PASSWORD, "short", "/new_password"),
        (PASSWORD, "i am admin here", "/new_password"),
        (PASSWORD, "", "/new_password"),
        (PASSWORD, 12345678, "/new_password"),
    ],
)
def test_a_refused_change_changes_nothing(
    rest: Rest, current: object, new: object, pointer: str
) -> None:
    second = Rest(rest.app)
    told = problem(_change(rest, current, new), 422, "validation_failed")
    assert pointers(told) == [pointer]
    assert second.get("/auth/me").status_code == 200
    assert _login(rest, PASSWORD) == 200
