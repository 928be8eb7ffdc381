"""Streams of server-sent events (WHATWG HTML §9.2) that follow an operation.

The API and the console each write what is new in their own way; everything else about a stream is
here. It is fed from SQL, so it works while Redis is away and resumes at any event id. It holds a
thread, so there are only so many (``app.web.stream_places``), each for ``LIFE_SECONDS``; the client
then comes back by itself with the id of the last event that it saw.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

from flask import Response, request, stream_with_context
from sqlalchemy.exc import SQLAlchemyError

from app.errors import NotFoundError
from app.logs import get_logger
from app.services.identity.stream_rights import OpenStreams, Viewer
from app.services.operations.watch import OperationWatch, Watched
from app.web.context import current_streams, current_watch
from app.web.stream_places import take_place

CONTENT_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0

log = get_logger(__name__)


class Follower(Protocol):
    """Writes the messages of one stream; it knows what it has told."""

    has_ended: bool
    """The stream is over; set after the last message was taken."""

    def look(self, watched: Watched) -> Iterator[str]:
        """Yield what is new since the last look, as messages."""


def comment(text: str) -> str:
    """Write what clients ignore and people see."""
    return f": {text}\n\n"


def message(event: str, text: str, event_id: int | None = None) -> str:
    """Write one message; each line of ``text`` becomes a data line."""
    head = f"id: {event_id}\n" if event_id is not None else ""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    data = "".join(f"data: {line}\n" for line in lines)
    return f"{head}event: {event}\n{data}\n"


RIGHTS_ENDED = comment("what let you see this has ended")


def read_event_id(text: str) -> int | None:
    """Return the id of an event that a client gives, or nothing when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def respond(
    operation_id: str,
    viewer: Viewer,
    follower: Follower,
    *,
    gather_seconds: float = 0.0,
    in_request: bool = False,
) -> Response:
    """Answer with a stream that ends when the operation does, or ``viewer`` may not see it.

    Args:
        gather_seconds: the time between two looks at least; with 0 each move is told at once.
        in_request: the follower needs the context of the present request, as templates do.

    Raises:
        TooManyRequestsError: too many streams are open.
    """
    if request.method == "HEAD":  # its answer is never closed, so it must not hold a place
        return Response(content_type=CONTENT_TYPE)
    give_back = take_place()
    stream = _stream(
        current_watch(), current_streams(), operation_id, viewer, follower, gather_seconds
    )
    response = Response(
        stream_with_context(stream) if in_request else stream, content_type=CONTENT_TYPE
    )
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(give_back)
    return response


def _stream(
    watch: OperationWatch,
    streams: OpenStreams,
    operation_id: str,
    viewer: Viewer,
    follower: Follower,
    gather_seconds: float,
) -> Iterator[str]:
    yield "retry: 2000\n\n"
    spoken = time.monotonic()
    deadline = spoken + LIFE_SECONDS
    with (
        watch.following(operation_id) as (watched, waker),
        streams.admitted(viewer, waker.wake) as admission,
    ):
        while time.monotonic() < deadline:
            for text in _look(follower, watched):
                if admission.is_over:
                    break
                yield text
                spoken = time.monotonic()
            if follower.has_ended:
                return
            waker.wait(HEARTBEAT_SECONDS, gather_seconds)
            if watched.over or admission.is_over:
                break
            if time.monotonic() - spoken >= HEARTBEAT_SECONDS:
                yield comment("alive")
                spoken = time.monotonic()
        if admission.is_over:
            yield RIGHTS_ENDED
        elif watched.over:
            yield comment(watched.over)


def _look(follower: Follower, watched: Watched) -> Iterator[str]:
    """Yield what is new; when it cannot be read, end the stream, so that the client comes back."""
    try:
        yield from follower.look(watched)
    except (SQLAlchemyError, NotFoundError) as error:
        log.warning("stream_failed", operation_id=watched.operation_id, error=str(error))
        follower.has_ended = True
