"""Carries a message to a webhook over HTTP: one request, to an address that was checked.

``app.outbound`` sends it. Owns what becomes of an answer; it knows nothing of signatures, attempts
or SQL.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.domain.addresses import Network
from app.outbound.client import (
    ANSWER_SECONDS,
    OutboundClient,
    OutboundError,
    Resolve,
    resolve_name,
)

MAX_EXCERPT_BYTES = 500
USER_AGENT = "Landform-Webhooks/1"


@dataclass(frozen=True)
class SendResult:
    """How one attempt went: the answer, or in ``error`` why there is none."""

    status: int | None
    excerpt: str
    duration_ms: int
    error: str | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took the message."""
        return self.status is not None and 200 <= self.status < 300


class WebhookClient:
    """Sends to webhooks.

    Args:
        allowed: networks to which messages may go although they are not public.
        resolve: gives the addresses of a name.
        answer_seconds: how long a connection may last in all.
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        resolve: Resolve = resolve_name,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._client = OutboundClient(tuple(allowed), resolve, answer_seconds, MAX_EXCERPT_BYTES)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> SendResult:
        """Send one message; whatever goes wrong is told in the answer."""
        started = time.monotonic()
        try:
            got = self._client.send("POST", url, {"User-Agent": USER_AGENT, **headers}, body)
        except OutboundError as error:
            return SendResult(None, "", _milliseconds(started), str(error))
        return SendResult(got.status, _readable(got.content), _milliseconds(started))


def _readable(data: bytes) -> str:
    text = data.decode(errors="replace")
    return "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)


def _milliseconds(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
