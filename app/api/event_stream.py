"""Follow an operation by server-sent events (WHATWG HTML §9.2).

A stream is fed from SQL (``app.api.event_feed``), so it works while Redis is away and resumes at
any event id. It holds a thread, so their number is bounded; who comes too late is told when to try
again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from queue import Empty

from flask import Response, current_app, request

from app.api.event_feed import EventFeed, News, event_news, operation_news
from app.errors import ValidationError
from app.services.context import Context
from app.services.inventory import events_after
from app.stream_places import current_places

FEED = "landform_event_feed"
"""Name of the application's extension that is the feed."""

STREAM = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0
EVENTS_AT_ONCE = 500


def follow(ctx: Context, operation_id: str) -> Response:
    """Answer with a stream of the operation's events from ``Last-Event-ID`` on.

    Raises:
        ValidationError: ``Last-Event-ID`` is not an event id.
        TooManyRequestsError: too many streams are open.
    """
    after = _last_event_id()
    if request.method == "HEAD":  # its answer is never closed, so it must not hold a place
        return Response(content_type=STREAM)
    feed: EventFeed = current_app.extensions[FEED]
    places = current_places()
    places.take()
    response = Response(_stream(ctx, feed, operation_id, after), content_type=STREAM)
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(places.give_back)
    return response


def _stream(ctx: Context, feed: EventFeed, operation_id: str, after: int) -> Iterator[str]:
    yield "retry: 2000\n\n"
    deadline = time.monotonic() + LIFE_SECONDS
    status = ""
    with feed.following(operation_id) as listener:
        for news in _past(ctx, operation_id, after):
            after, status = news.event_id or after, news.status or status
            yield news.text
            if news.is_last:
                return
        while time.monotonic() < deadline:
            try:
                news = listener.get(timeout=HEARTBEAT_SECONDS)
            except Empty:
                yield ": alive\n\n"
                continue
            is_known = (news.event_id or after + 1) <= after or news.status == status
            after, status = max(after, news.event_id or 0), news.status or status
            if not is_known:
                yield news.text
            if news.is_last:
                return


def _past(ctx: Context, operation_id: str, after: int) -> Iterator[News]:
    """Yield what has happened until now, and how the operation stands."""
    while True:
        with ctx.read() as session:
            # Read first: events written before an end are then seen for certain.
            present = operation_news(session, operation_id)
            events = events_after(session, operation_id, after, EVENTS_AT_ONCE)
        for event in events:
            after = event.id
            yield event_news(event)
        if len(events) < EVENTS_AT_ONCE:
            break
    yield from present


def _last_event_id() -> int:
    text = request.headers.get("Last-Event-ID", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ValidationError("Last-Event-ID must be the id of an event, a whole number.")
    return int(text)
