"""An operation as it happens: server-sent events (WHATWG HTML §9.2) that carry rendered HTML.

A stream is fed from SQL (``app.console.live_operations``), so it works while Redis is away and
resumes at any event. It holds a thread of the web process, so there are only so many
(``app.stream_places``), each for ``LIFE_SECONDS``; the browser then comes back by itself with the
id of the last event it saw.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, Flask, current_app, request, stream_with_context
from werkzeug.wrappers import Response

from app.console.guard import csrf_token
from app.console.live_operations import LiveOperations, Watched
from app.console.read_models.operation import OperationView
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import operation_by_id
from app.stream_places import current_places
from app.web_context import context_of, current_context, current_principal

EXTENSION = "landform_live_operations"
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0


def provide_live_operations(app: Flask) -> None:
    """Give ``app`` the one reader of all its streams."""
    app.extensions[EXTENSION] = LiveOperations(context_of(app))


def add_pages(pages: Blueprint) -> None:
    """Add the stream to ``pages``."""
    pages.add_url_rule("/operations/<operation_id>/stream", view_func=stream_operation)


@dataclass
class Follower:
    """What the reader of one stream has seen so far."""

    ctx: Context
    principal: Principal
    token: str
    after: int
    view: OperationView | None = None
    has_plan: bool = False

    def look(self, watched: Watched) -> Iterator[str]:
        """Yield what is new since the last look, as event messages."""
        # Status before events: what was written before an end is then seen for certain.
        reading = watched.read(self.ctx, self.principal)
        lines, self.after = watched.read_log(self.ctx, reading, self.after)
        if lines:
            yield message("log", lines, self.after)
        if reading.plan is not None and not self.has_plan:
            self.has_plan = True
            yield message("plan", reading.plan.replace(reading.token_place, self.token))
        if reading.view != self.view:
            self.view = reading.view
            for name, text in reading.parts.items():
                yield message(name, text.replace(reading.token_place, self.token))

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will come."""
        return self.view is not None and self.view.has_ended


def stream_operation(operation_id: str) -> Response:
    """Follow an operation from the event after ``Last-Event-ID`` on."""
    ctx, principal = current_context(), current_principal()
    with ctx.read() as session:
        operation_by_id(session, principal, operation_id)
    follower = Follower(
        ctx, principal, csrf_token(), _last_event_id(), has_plan="plan" in request.args
    )
    live: LiveOperations = current_app.extensions[EXTENSION]
    places = current_places()
    places.take()
    stream = _follow(live, follower, operation_id)
    response = Response(stream_with_context(stream), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(places.give_back)
    return response


def message(event: str, html: str, event_id: int | None = None) -> str:
    """Write one message of the stream; each line of ``html`` becomes a data line."""
    head = f"id: {event_id}\n" if event_id is not None else ""
    text = html.replace("\r\n", "\n").replace("\r", "\n")
    data = "".join(f"data: {line}\n" for line in text.split("\n"))
    return f"{head}event: {event}\n{data}\n"


def _follow(live: LiveOperations, follower: Follower, operation_id: str) -> Iterator[str]:
    yield "retry: 2000\n\n"
    started = spoken = time.monotonic()
    with live.watching(operation_id) as (watched, bell):
        while time.monotonic() - started < LIFE_SECONDS and not watched.is_over:
            bell.clear()
            for text in follower.look(watched):
                spoken = time.monotonic()
                yield text
            if follower.has_ended:
                yield message("ended", "")
                return
            bell.wait(HEARTBEAT_SECONDS)
            if time.monotonic() - spoken >= HEARTBEAT_SECONDS:
                spoken = time.monotonic()
                yield ": alive\n\n"


def _last_event_id() -> int:
    """Return what the browser saw last; the page's own ``after`` counts at its first visit."""
    text = request.headers.get("Last-Event-ID") or request.args.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
