"""How the Python client repeats requests, signs them in and reads problems."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from landform_client import (
    ChangedMeanwhileError,
    ConflictError,
    InvalidRequestError,
    Landform,
    LandformError,
    NotSignedInError,
    ProblemError,
    Retry,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from landform_client import transport as transport_module

Handler = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers with what it is given, in turn, and keeps what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self._sent: list[httpx.Headers] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self._sent.append(request.headers.copy())  # a repetition changes them
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def headers(self, name: str) -> list[str | None]:
        return [headers.get(name) for headers in self._sent]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Do not pause, and return for how long one would have."""
    made: list[float] = []
    monkeypatch.setattr(transport_module.time, "sleep", made.append)
    return made


def connect(server: Handler, **options: Any) -> Landform:
    http = httpx.Client(transport=httpx.MockTransport(server))
    return Landform("http://landform.test", http=http, **options)


def ok(body: object = None) -> httpx.Response:
    return httpx.Response(200, json=body if body is not None else {})


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    body = {"status": status, "code": code, "detail": "It was refused.", "advice": "Do this."}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, content=json.dumps(body), headers={**kind, **sent})


def test_a_change_is_repeated_with_the_same_key_as_long_as_it_is_told(pauses: list[float]) -> None:
    busy = [problem(429, "rate_limited", Retry_After="7"), httpx.ReadTimeout("late")]
    server = Server(*busy, problem(409, "idempotency_in_progress"), ok({"id": "1"}))
    assert connect(server).send("POST", "/networks", body={}).body == {"id": "1"}
    keys = server.headers("Idempotency-Key")
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert keys[0]
    assert pauses[0] == 7
    assert all(0 < pause <= 4 for pause in pauses[1:])


def test_a_key_of_the_caller_is_used_and_reading_has_none() -> None:
    server = Server(ok(), ok())
    landform = connect(server)
    landform.send("POST", "/networks", body={}, key="mine")
    landform.read("/stacks")
    assert server.headers("Idempotency-Key") == ["mine", None]


def test_what_was_refused_is_not_repeated(pauses: list[float]) -> None:
    for answer, kind in [
        (problem(422, "validation_failed"), InvalidRequestError),
        (problem(409, "name_taken"), ConflictError),
        (problem(412, "precondition_failed"), ChangedMeanwhileError),
        (problem(500, "internal_error"), UnavailableError),
        (problem(418, "a_later_code"), ProblemError),
    ]:
        server = Server(answer)
        with pytest.raises(kind) as refused:
            connect(server).send("POST", "/networks", body={})
        assert refused.value.code == json.loads(answer.content)["code"]
        assert refused.value.advice == "Do this."
    assert pauses == []


def test_it_gives_up_after_some_attempts_or_where_the_pause_is_too_long() -> None:
    server = Server(*[httpx.ConnectError("refused") for _ in range(3)])
    with pytest.raises(UnreachableError, match=r"landform\.test gave no answer: refused"):
        connect(server, retry=Retry(attempts=3)).read("/stacks")
    assert len(server.requests) == 3
    server = Server(problem(429, "rate_limited", Retry_After="3600"))
    with pytest.raises(TooManyRequestsError):
        connect(server).read("/stacks")


def test_an_answer_of_something_in_between_is_an_error_like_any_other() -> None:
    for content in (b"<html>", b'["no", "problem"]', b"\xff\xfe", b""):
        server = Server(httpx.Response(502, content=content))
        with pytest.raises(UnavailableError, match="502 Bad Gateway"):
            connect(server, retry=Retry(attempts=1)).read("/stacks")


def test_signing_in_is_not_repeated_where_it_may_have_arrived() -> None:
    server = Server(httpx.ConnectError("refused"), httpx.ReadTimeout("late"))
    with pytest.raises(UnreachableError):
        connect(server).sign_in("ada", "secret")
    assert len(server.requests) == 2


TOKENS = {"token_type": "Bearer", "expires_in": 900}


def tokens(number: int, **more: Any) -> httpx.Response:
    return ok({**TOKENS, "access_token": f"a{number}", "refresh_token": f"r{number}", **more})


def test_a_session_gets_new_tokens_when_one_is_refused_or_old() -> None:
    refused = problem(401, "unauthenticated")
    server = Server(tokens(1, expires_in=0), tokens(2), ok(), refused, tokens(3), ok())
    landform = connect(server)
    landform.sign_in("ada", "secret", "123456")
    assert json.loads(server.requests[0].content)["totp"] == "123456"
    landform.read("/stacks")
    landform.read("/stacks")
    assert server.headers("Authorization") == [
        *(None, "Bearer r1", "Bearer a2"),  # a1 was good for no time
        *("Bearer a2", "Bearer r2", "Bearer a3"),  # the second time a2 was refused
    ]


def test_a_session_that_has_ended_and_a_token_that_is_wrong_say_so() -> None:
    ended = problem(401, "refresh_token_reused")
    landform = connect(Server(tokens(1), problem(401, "unauthenticated"), ended))
    landform.sign_in("ada", "secret")
    with pytest.raises(NotSignedInError) as session:
        landform.read("/stacks")
    assert session.value.code == "refresh_token_reused"
    with pytest.raises(NotSignedInError):
        connect(Server(problem(401, "unauthenticated")), token="lft_no").read("/stacks")


def test_pages_are_asked_for_when_they_are_needed() -> None:
    server = Server(
        ok({"items": [1, 2], "next_cursor": "c"}), ok({"items": [3], "next_cursor": None})
    )
    found = connect(server).iterate("/operations", status="applied", stack=None)
    assert [next(found), next(found), len(server.requests)] == [1, 2, 1]
    assert list(found) == [3]
    assert server.requests[1].url.query == b"status=applied&cursor=c"


def test_numbers_keep_every_digit_in_both_directions() -> None:
    text = '{"a": 12345678901234567890, "b": 0.1234567890123456789012345, "c": 0.5, "d": "1e400"}'
    server = Server(
        httpx.Response(200, content=text, headers={"Content-Type": "application/json"}), ok()
    )
    landform = connect(server)
    read = landform.read("/stacks/1")
    assert read["a"] == 12345678901234567890
    assert read["b"] == Decimal("0.1234567890123456789012345")
    assert isinstance(read["c"], float)
    landform.send("PATCH", "/networks/1", body=read)
    assert server.requests[1].content.decode() == text


@pytest.mark.parametrize("value", [float("nan"), Decimal("Infinity"), object()])
def test_what_json_has_no_form_for_is_never_sent(value: object) -> None:
    server = Server()
    with pytest.raises((ValueError, TypeError)):
        connect(server).send("POST", "/networks", body={"value": value})


def test_every_error_is_one_that_can_be_caught() -> None:
    for kind in (UnreachableError, ProblemError, NotSignedInError):
        assert issubclass(kind, LandformError)
