"""An open stream and a held answer end when what let their caller in ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.models import ApiToken, ProjectMember, User, UserSession
from app.web.event_stream import RIGHTS_ENDED
from tests.api.rest import Rest

Change = Callable[[Rest, Rest], object]


def _user(member: Rest) -> str:
    return f"/users/{member.user}"


def _of_the_member(rest: Rest, member: Rest) -> str:
    return f"/projects/default/members/{member.user}"


def _expire_tokens(rest: Rest, _member: Rest) -> None:
    with rest.ctx.write() as session:
        for token in session.scalars(select(ApiToken)):
            token.expires_at = utc_now()


def _expire_sessions(rest: Rest, member: Rest) -> None:
    with rest.ctx.write() as session:
        session.get_one(UserSession, member.opened.session_id).expires_at = utc_now()


def _delete_role(rest: Rest, member: Rest) -> None:
    with rest.ctx.write() as session:
        for row in session.scalars(select(ProjectMember)):
            session.delete(row)


ENDINGS: dict[str, Change] = {
    "the user is disabled": lambda a, b: a.patch(_user(b), {"disabled": True}, If_Match="*"),
    "the password is set": lambda a, b: a.patch(
        _user(b), {"password": "another long one"}, If_Match="*"
    ),
    "the user is deleted": lambda a, b: a.delete(_user(b), If_Match="*"),
    "the member is removed": lambda a, b: a.delete(_of_the_member(a, b)),
    "the role is another": lambda a, b: a.call(
        "PUT", _of_the_member(a, b), json={"role": "viewer"}
    ),
    "the role is gone, as a provider takes it": _delete_role,
}
OF_SESSIONS: dict[str, Change] = ENDINGS | {
    "the person signs out": lambda a, b: b.post("/auth/logout"),
    "the person signs out everywhere": lambda a, b: b.delete("/auth/sessions"),
    "the session is over": _expire_sessions,
}
OF_TOKENS: dict[str, Change] = ENDINGS | {
    "the token revokes itself": lambda a, b: b.delete(
        f"/tokens/{b.get('/auth/me').json['token_id']}"
    ),
    "the token is over": _expire_tokens,
}


@pytest.fixture
def operation(rest: Rest) -> str:
    """An operation that goes on for ever."""
    return str(rest.create("networks", "web")["operation"]["id"])


def _open(caller: Rest, operation: str) -> tuple[TestResponse, Iterator[bytes]]:
    headers = {**caller.headers, "Accept": "text/event-stream"}
    answer = caller.client.get(f"/api/v1/operations/{operation}/events", headers=headers)
    assert answer.status_code == 200, answer.text
    parts = iter(answer.response)
    assert next(parts).startswith(b"retry")
    assert b"event: operation" in next(parts)
    return answer, parts


def _ends(rest: Rest, caller: Rest, person: Rest, operation: str, change: Change) -> None:
    other, others = _open(rest, operation)
    answer, parts = _open(caller, operation)
    change(rest, person)
    told = list(parts)
    assert told[-1].decode() == RIGHTS_ENDED
    assert not any(b"event: end" in part for part in told)
    answer.close()
    rest.end(operation)
    assert b"event: end" in list(others)[-1], "somebody else's stream goes on"
    other.close()


@pytest.mark.parametrize("what", OF_SESSIONS)
def test_a_stream_of_a_session_ends_when(rest: Rest, operation: str, what: str) -> None:
    member = rest.as_member("operator")
    _ends(rest, member, member, operation, OF_SESSIONS[what])


@pytest.mark.parametrize("what", OF_TOKENS)
def test_a_stream_of_an_api_token_ends_when(rest: Rest, operation: str, what: str) -> None:
    member = rest.as_member("operator")
    machine = member.as_token("stack:read")
    _ends(rest, machine, machine, operation, OF_TOKENS[what])


def test_a_stream_ends_when_an_administrator_is_none_any_more(rest: Rest, operation: str) -> None:
    member = rest.as_member(None)
    rest.patch(_user(member), {"is_admin": True}, If_Match="*")

    def demote(rest: Rest, member: Rest) -> None:
        rest.patch(_user(member), {"is_admin": False}, If_Match="*")

    _ends(rest, member, member, operation, demote)


def test_a_stream_does_not_outlive_its_access_token(rest: Rest, operation: str) -> None:
    rest.headers = {"Authorization": f"Bearer {rest.access_token(timedelta(seconds=1))}"}
    headers = {**rest.headers, "Accept": "text/event-stream"}
    answer = rest.client.get(f"/api/v1/operations/{operation}/events", headers=headers)
    assert list(answer.response)[-1].decode() == RIGHTS_ENDED
    answer.close()


def test_the_stream_of_a_page_ends_with_the_session(rest: Rest, operation: str) -> None:
    member = rest.as_member("operator")
    browser = rest.app.test_client()
    browser.set_cookie("landform_session", member.cookie())
    path = f"/operations/{operation}/stream"
    answer = browser.get(path, headers={"Accept": "text/event-stream"})
    parts = iter(answer.response)
    assert next(parts).startswith(b"retry")
    rest.patch(_user(member), {"disabled": True}, If_Match="*")
    assert not any(b"event: ended" in part for part in parts)
    answer.close()
    again = browser.get(path, headers={"Accept": "text/event-stream"})
    assert again.status_code == 204, "tells the browser not to come back"


def test_a_held_answer_shows_nothing_new_to_who_lost_the_right(rest: Rest) -> None:
    member = rest.as_member("operator")
    answers: list[Any] = []

    def ask() -> None:
        body = {"name": "web", "cloud_account": "sandbox"}
        headers = {"Prefer": "wait=30"}
        answers.append(member.call("POST", "/networks", json=body, headers=headers))

    asking = threading.Thread(target=ask)
    asking.start()
    while not (found := rest.get("/operations").json["items"]):
        pass
    with rest.ctx.write() as session:
        user = session.scalars(select(User).where(User.name == member.user)).one()
        user.disabled_at = utc_now()
    rest.end(found[0]["id"])
    asking.join()
    assert answers[0].status_code == 202
    assert answers[0].json["operation"]["status"] == "pending"
