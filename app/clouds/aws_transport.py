"""Has botocore's requests to an endpoint of an account's own choice carried by ``app.outbound``.

botocore would resolve the name by itself, follow what it likes, and read whatever it is sent.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import BotoCoreError, EndpointConnectionError

from app.outbound.client import OutboundClient, OutboundError, RefusedError

MAX_REQUESTS = 200
ALL_SECONDS = 120.0


class EndpointRefusedError(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """The endpoint leads where nothing may be sent; botocore does not try again."""

    fmt = "The endpoint may not be asked."


class EndlessError(BotoCoreError):  # type: ignore[misc]  # botocore has no types
    """The endpoint always has one page more."""

    fmt = "The endpoint does not come to an end."


class _Body:
    """The content of an answer as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """Yield all of it."""
        yield self._content


def carry_requests(client: Any, outbound: OutboundClient) -> None:
    """Send every request of a botocore client by ``outbound``, a bounded number in bounded time."""
    sent, deadline = 0, time.monotonic() + ALL_SECONDS

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        nonlocal sent
        sent += 1
        if sent > MAX_REQUESTS or time.monotonic() > deadline:
            raise EndlessError
        headers = {name: _text(value) for name, value in request.headers.items()}
        body = request.body.encode() if isinstance(request.body, str) else request.body
        try:
            got = outbound.send(request.method, request.url, headers, body)
        except RefusedError as error:
            raise EndpointRefusedError from error
        except OutboundError as error:
            raise EndpointConnectionError(endpoint_url=request.url, error=error) from error
        if got.is_cut:
            raise EndpointConnectionError(endpoint_url=request.url, error="cut")
        return AWSResponse(request.url, got.status, HeadersDict(got.headers), _Body(got.content))

    client.meta.events.register("before-send", send)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
