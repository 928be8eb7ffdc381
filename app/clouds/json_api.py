"""Ask a cloud's JSON interface, by the outbound client, and believe no more than was answered.

For clouds whose interface is plain HTTP with a bearer token. Owns the bounds of a conversation.
What an answer means is for the adapter of the cloud.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from app import exact_json
from app.outbound.client import OutboundClient, OutboundError, RefusedError

MAX_REQUESTS = 200
ALL_SECONDS = 120.0

# What reading an answer may end in that is JSON of another form.
NONSENSE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


class JsonApiError(Exception):
    """The cloud refused or did not answer; the text says it without any of the credentials."""


@dataclass(frozen=True)
class Answer:
    """A status and what came with it."""

    status: int
    body: Any = field(repr=False)

    @property
    def is_good(self) -> bool:
        """Whether the cloud did as it was asked."""
        return self.status == HTTPStatus.OK


class JsonApi:
    """A conversation with one cloud: a bounded number of requests in bounded time.

    Args:
        outbound: carries each request.
        endpoint: what the account names instead of the cloud itself, or nothing.
    """

    def __init__(self, outbound: OutboundClient, endpoint: str | None) -> None:
        self._outbound = outbound
        self._endpoint = endpoint.rstrip("/") if endpoint else None
        self._left = MAX_REQUESTS
        self._deadline = time.monotonic() + ALL_SECONDS

    def base(self, url: str) -> str:
        """Return ``url``, an address of the cloud's own, or what the account has in its place."""
        return self._endpoint or url

    def post_form(self, url: str, fields: Mapping[str, str]) -> Answer:
        """Send a form, as OAuth wants it.

        Raises:
            JsonApiError: there is no answer that is JSON.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", url, headers, urlencode(fields).encode())

    def post(self, url: str, token: str, body: Mapping[str, Any]) -> Answer:
        """Send JSON with a bearer token.

        Raises:
            JsonApiError: there is no answer that is JSON.
        """
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        return self._send("POST", url, headers, json.dumps(body).encode())

    def get(self, url: str, token: str, **query: str) -> Answer:
        """Read with a bearer token.

        Raises:
            JsonApiError: there is no answer that is JSON.
        """
        headers = {"Authorization": f"Bearer {token}"}
        return self._send("GET", f"{url}?{urlencode(query)}" if query else url, headers, None)

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        if self._left <= 0 or time.monotonic() > self._deadline:
            raise JsonApiError("It does not come to an end.")
        self._left -= 1
        accepted = {**headers, "Accept": "application/json"}
        try:
            got = self._outbound.send(method, url, accepted, body)
        except RefusedError as error:
            raise JsonApiError(
                "The endpoint may not be asked: this host does not allow where it leads."
            ) from error
        except OutboundError as error:
            raise JsonApiError("The endpoint does not answer.") from error
        if got.is_cut:
            raise JsonApiError("The endpoint answers more than is read.")
        try:
            return Answer(got.status, exact_json.loads(got.content or b"null"))
        except NONSENSE as error:
            raise JsonApiError(f"The endpoint answers {got.status} and no JSON.") from error


def text_at(body: Any, name: str) -> str:
    """Return the text ``name`` of an object.

    Raises:
        JsonApiError: there is none.
    """
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, str) or not value or not value.isprintable():
        raise JsonApiError(f"The endpoint's answer has no {name}.")
    return value
