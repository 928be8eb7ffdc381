"""Requests that are repeated where that is safe, answers that are problems, and signing in."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from landform_client import exact_json
from landform_client.answers import Tokens
from landform_client.errors import ProblemError, UnreachableError, problem_error
from landform_client.sign_in import FixedToken, SignIn

PREFIX = "/api/v1"
BUSY = frozenset({429, 502, 503, 504})
UNAUTHENTICATED = 401
READING = frozenset({"GET", "HEAD", "OPTIONS"})
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True)
class Retry:
    """How often and with which pauses a request is repeated.

    Attributes:
        attempts: how often it is sent at most, the first time included.
        pause_seconds: the pause before the first repetition where Landform names none; it doubles
            each time, and chance takes up to half of it away.
        longest_pause_seconds: with a longer ``Retry-After`` the request is not repeated.
    """

    attempts: int = 5
    pause_seconds: float = 0.5
    longest_pause_seconds: float = 60.0

    def pause(self, attempt: int, retry_after: float | None) -> float | None:
        """Return how long to pause before the next attempt; nothing when there is none.

        Args:
            attempt: how often the request was sent so far.
            retry_after: seconds, as Landform asks for.
        """
        if attempt >= self.attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.longest_pause_seconds else None
        longest = min(self.pause_seconds * 2.0 ** (attempt - 1), self.longest_pause_seconds)
        return longest * (1 - random.random() / 2)  # noqa: S311  spreads clients, hides nothing


class Answer(NamedTuple):
    """What Landform answered: the JSON of the body, and the headers."""

    status: int
    body: Any
    headers: httpx.Headers

    @property
    def etag(self) -> str | None:
        """The version of what was read, for ``If-Match``."""
        found: str | None = self.headers.get("ETag")
        return found

    @property
    def retry_after(self) -> float | None:
        """The pause that Landform asks for, in seconds."""
        return seconds(self.headers)


class Transport:
    """Sends requests to one Landform."""

    def __init__(self, http: httpx.Client, retry: Retry) -> None:
        self.http = http
        self.retry = retry
        self.sign_in: SignIn = FixedToken(None)

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Answer:
        """Send a request, repeat it where that is safe, and return the answer.

        Every change carries an ``Idempotency-Key``, so Landform does it once however often it
        arrives.

        Args:
            method: of HTTP.
            path: below ``/api/v1``, or a link that Landform gave.
            query: parameters; those that are ``None`` are left out.
            body: sent as JSON.
            headers: further ones.
            key: the Idempotency-Key; a new one by default.

        Raises:
            ProblemError: Landform refused it.
            UnreachableError: there was no answer.
        """
        request = self._build(method, path, query, body, headers)
        if method not in READING:
            request.headers["Idempotency-Key"] = key or str(uuid.uuid4())
        return self._repeat(request, self._send_signed_in, is_repeatable=True)

    def authenticate(self, path: str, body: Any = None, *, bearer: str | None = None) -> Tokens:
        """Ask for tokens. Nothing is sent again that may have arrived, since it works once.

        Raises:
            NotSignedInError: the password, code or token is wrong.
        """
        request = self._build("POST", path, None, body, None)
        if bearer:
            request.headers["Authorization"] = f"Bearer {bearer}"
        tokens: Tokens = self._repeat(request, self.http.send, is_repeatable=False).body
        return tokens

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], *, timeout_seconds: float
    ) -> Iterator[httpx.Response]:
        """Open a stream, once; it breaks when nothing comes for ``timeout_seconds``.

        Raises:
            ProblemError: Landform refused it.
            httpx.TransportError: the connection broke.
        """
        request = self._build("GET", path, None, None, headers)
        request.extensions["timeout"] = httpx.Timeout(timeout_seconds).as_dict()
        token = self._sign(request)
        response = self.http.send(request, stream=True)
        try:
            if response.status_code == UNAUTHENTICATED and self.sign_in.renew(token):
                response.close()
                self._sign(request)
                response = self.http.send(request, stream=True)
            if response.is_error:
                response.read()
                raise _problem(response)
            yield response
        finally:
            response.close()

    def _build(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Any,
        headers: Mapping[str, str] | None,
    ) -> httpx.Request:
        content = None if body is None else exact_json.dumps(body).encode()
        kind = {} if content is None else {"Content-Type": "application/json"}
        return self.http.build_request(
            method,
            _full(path),
            params=_present(query or {}),
            content=content,
            headers={**kind, **(headers or {})},
        )

    def _repeat(
        self,
        request: httpx.Request,
        send: Callable[[httpx.Request], httpx.Response],
        *,
        is_repeatable: bool,
    ) -> Answer:
        attempt = 0
        while True:
            attempt += 1
            try:
                response = send(request)
            except httpx.TransportError as error:
                is_safe = is_repeatable or isinstance(error, NOT_SENT)
                pause = self.retry.pause(attempt, None) if is_safe else None
                if pause is None:
                    raise UnreachableError(
                        f"{self.http.base_url} gave no answer: {error}"
                    ) from error
            else:
                if not response.is_error:
                    return _answer(response)
                problem = _problem(response)
                is_early = response.status_code in BUSY or problem.code == "idempotency_in_progress"
                pause = self.retry.pause(attempt, seconds(response.headers)) if is_early else None
                if pause is None:
                    raise problem
            time.sleep(pause)

    def _send_signed_in(self, request: httpx.Request) -> httpx.Response:
        """Send with a token, and with a new one when Landform refuses the first."""
        token = self._sign(request)
        response = self.http.send(request)
        if response.status_code == UNAUTHENTICATED and self.sign_in.renew(token):
            self._sign(request)
            response = self.http.send(request)
        return response

    def _sign(self, request: httpx.Request) -> str | None:
        token = self.sign_in.token()
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return token


def seconds(headers: httpx.Headers) -> float | None:
    """Return how long ``Retry-After`` asks to wait."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _full(path: str) -> str:
    return path if path.startswith((f"{PREFIX}/", "http:", "https:")) else f"{PREFIX}{path}"


def _present(query: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is ``None``; write truth as the API reads it."""
    texts = {True: "true", False: "false"}
    return {
        name: texts[value] if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }


def _answer(response: httpx.Response) -> Answer:
    is_json = "json" in response.headers.get("Content-Type", "")
    body = exact_json.loads(response.content) if is_json and response.content else response.text
    return Answer(response.status_code, body or None, response.headers)


def _problem(response: httpx.Response) -> ProblemError:
    """Read a problem; something in between, such as a proxy, may have answered in another way."""
    try:
        body = exact_json.loads(response.content)
    except ValueError:
        body = None
    if not isinstance(body, dict) or "code" not in body:
        body = {"detail": f"The answer was {response.status_code} {response.reason_phrase}."}
    return problem_error(response.status_code, body)
