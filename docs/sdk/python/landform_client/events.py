"""The events of an operation as they happen: server-sent events that resume after a break."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from landform_client import exact_json
from landform_client.errors import ProblemError, UnreachableError
from landform_client.transport import BUSY, Transport

SILENT_SECONDS = 60.0
"""Landform sends something every 15 s; after so long without anything the connection is gone."""
BUSY_SECONDS = 5.0
AGAIN_SECONDS = 0.5
"""A stream lives ten minutes at most; this long after its end the next one is opened."""


@dataclass(frozen=True)
class Message:
    """One message of a stream.

    Attributes:
        event: what ``data`` is: ``event`` (an event), ``operation`` (the operation, whenever its
            status changes) or ``end`` (the operation, once it has ended).
        data: the JSON of it.
        id: of an event; the stream can be resumed after it.
    """

    event: str
    data: Any
    id: int | None = None


def follow(transport: Transport, path: str, after: int = 0) -> Iterator[Message]:
    """Yield the messages of an operation until its end, each once, whatever breaks meanwhile.

    Args:
        transport: to Landform.
        path: of the events.
        after: the id of the last event that is known already.

    Raises:
        ProblemError: Landform does not show it.
        UnreachableError: Landform cannot be reached any more.
    """
    reader = _Reader(transport, path, after)
    while not reader.has_ended:
        try:
            yield from reader.read()
            if not reader.has_ended:
                time.sleep(AGAIN_SECONDS)
        except (httpx.TransportError, ProblemError) as error:
            reader.forgive(error)


class _Reader:
    """Reads one stream after another, and knows what was told already."""

    def __init__(self, transport: Transport, path: str, after: int) -> None:
        self._transport = transport
        self._path = path
        self._seen = after
        self._status = ""
        self._failures = 0
        self.has_ended = False

    def read(self) -> Iterator[Message]:
        """Yield what one stream tells that is new."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self._seen)}
        stream = self._transport.stream(self._path, headers, timeout_seconds=SILENT_SECONDS)
        with stream as response:
            for message in read_messages(response.iter_lines()):
                if self._is_new(message):
                    yield message
                if self.has_ended:
                    return

    def forgive(self, error: httpx.TransportError | ProblemError) -> None:
        """Pause after a stream that failed; raise what cannot be better the next time."""
        self._failures += 1
        pause = self._transport.retry.pause(self._failures, None)
        if isinstance(error, ProblemError):
            if error.status not in BUSY or pause is None:
                raise error
            pause = BUSY_SECONDS
        elif pause is None:
            raise UnreachableError(f"The events of {self._path} broke off: {error}") from error
        time.sleep(pause)

    def _is_new(self, message: Message) -> bool:
        self._failures = 0
        if message.id is not None:
            self._seen = message.id
        if message.event == "operation":
            before, self._status = self._status, message.data["status"]
            return self._status != before
        self.has_ended = message.event == "end"
        return True


def read_messages(lines: Iterable[str]) -> Iterator[Message]:
    """Read a stream (WHATWG HTML §9.2); a message that was cut off is left out."""
    event, message_id = "", None
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Message(event or "message", exact_json.loads("\n".join(data)), message_id)
            event, data, message_id = "", [], None
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id" and value.isascii() and value.isdigit():
            message_id = int(value)
