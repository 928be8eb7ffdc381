"""Follow an operation by server-sent events (WHATWG HTML §9.2).

A stream reads SQL, so it works while Redis is away and resumes at any event id. It holds a
thread, so their number is bounded; who comes too late is told when to try again.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

from flask import Response, request

from app.api import present
from app.domain.operations import FINAL, OperationStatus
from app.errors import TooManyRequestsError, ValidationError
from app.models import Operation
from app.services.context import Context
from app.services.inventory import events_after

STREAM = "text/event-stream"
POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0
MAX_STREAMS = 24
EVENTS_AT_ONCE = 500

_streams = threading.BoundedSemaphore(MAX_STREAMS)


def follow(ctx: Context, operation_id: str) -> Response:
    """Answer with a stream of the operation's events from ``Last-Event-ID`` on.

    Raises:
        ValidationError: ``Last-Event-ID`` is not an event id.
        TooManyRequestsError: too many streams are open.
    """
    after = _last_event_id()
    if request.method == "HEAD":  # its answer is never closed, so it must not hold a place
        return Response(content_type=STREAM)
    if not _streams.acquire(blocking=False):
        raise TooManyRequestsError(f"{MAX_STREAMS} event streams are open already.")
    response = Response(_stream(ctx, operation_id, after), content_type=STREAM)
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(_streams.release)
    return response


def _stream(ctx: Context, operation_id: str, after: int) -> Iterator[str]:
    yield "retry: 2000\n\n"
    status = ""
    started = spoken = time.monotonic()
    while time.monotonic() - started < LIFE_SECONDS:
        with ctx.read() as session:
            # The status is read first: events written before an end are then seen for certain.
            operation = session.get_one(Operation, operation_id)
            shown = present.operation(session, operation)
            events = events_after(session, operation_id, after, EVENTS_AT_ONCE)
        for event in events:
            after = event.id
            yield _message("event", present.event(event), event.id)
        if shown["status"] != status:
            status = shown["status"]
            yield _message("operation", shown)
        if events or time.monotonic() - spoken > HEARTBEAT_SECONDS:
            spoken = time.monotonic()
            yield ": alive\n\n"
        if OperationStatus(status) in FINAL and len(events) < EVENTS_AT_ONCE:
            yield _message("end", shown)
            return
        time.sleep(POLL_SECONDS)


def _message(name: str, data: object, event_id: int | None = None) -> str:
    head = f"id: {event_id}\n" if event_id is not None else ""
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n"


def _last_event_id() -> int:
    text = request.headers.get("Last-Event-ID", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValidationError("Last-Event-ID must be the id of an event, a whole number.")
    return int(text)
