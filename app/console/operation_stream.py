"""An operation as it happens: server-sent events (WHATWG HTML §9.2) that carry rendered HTML.

A stream polls SQL, so it works while Redis is away and resumes at any event. It holds a thread of
the web process, so there are at most ``MAX_STREAMS``, each for ``LIFE_SECONDS``; the browser then
comes back by itself with the id of the last event it saw.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, render_template, request, stream_with_context
from werkzeug.wrappers import Response

from app.console.read_models.operation import OperationView, view_of
from app.console.read_models.plan import read_plan
from app.errors import TooManyRequestsError
from app.services.access import Principal
from app.services.context import Context
from app.services.inventory import events_after
from app.services.lookup import operation_by_id
from app.web_context import current_context, current_principal

POLL_SECONDS = 0.5
HEARTBEAT_SECONDS = 15.0
LIFE_SECONDS = 600.0
MAX_STREAMS = 20
LIVE_PARTS = ("head", "steps", "actions")

_streams = threading.BoundedSemaphore(MAX_STREAMS)


def add_pages(pages: Blueprint) -> None:
    """Add the stream to ``pages``."""
    pages.add_url_rule("/operations/<operation_id>/stream", view_func=stream_operation)


@dataclass
class Follower:
    """What the reader of one stream has seen so far."""

    ctx: Context
    principal: Principal
    operation_id: str
    after: int
    view: OperationView | None = None
    has_plan: bool = False

    def look(self) -> Iterator[str]:
        """Yield what is new since the last look, as event messages."""
        with self.ctx.read() as session:
            # Status before events: what was written before an end is then seen for certain.
            operation = operation_by_id(session, self.principal, self.operation_id)
            view = view_of(self.ctx, session, self.principal, operation)
            lines = events_after(session, self.operation_id, self.after)
            plan = None
            if not self.has_plan and view.summary is not None:
                plan = read_plan(self.ctx, session, self.principal, operation)
                self.has_plan = True
        if lines:
            self.after = lines[-1].id
            page = render_template("operations/_log_lines.html", lines=lines)
            yield message("log", page, self.after)
        if plan is not None:
            yield message("plan", render_template("operations/_plan.html", plan=plan))
        if view != self.view:
            self.view = view
            for part in LIVE_PARTS:
                yield message(part, render_template(f"operations/_{part}.html", operation=view))

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will come."""
        return self.view is not None and self.view.has_ended


def stream_operation(operation_id: str) -> Response:
    """Follow an operation from the event after ``Last-Event-ID`` on."""
    ctx, principal = current_context(), current_principal()
    with ctx.read() as session:
        operation_by_id(session, principal, operation_id)
    has_plan = "plan" in request.args
    follower = Follower(ctx, principal, operation_id, _last_event_id(), has_plan=has_plan)
    if not _streams.acquire(blocking=False):
        raise TooManyRequestsError(f"{MAX_STREAMS} pages are followed live already.")
    response = Response(stream_with_context(_follow(follower)), mimetype="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    response.call_on_close(_streams.release)
    return response


def message(event: str, html: str, event_id: int | None = None) -> str:
    """Write one message of the stream; each line of ``html`` becomes a data line."""
    head = f"id: {event_id}\n" if event_id is not None else ""
    text = html.replace("\r\n", "\n").replace("\r", "\n")
    data = "".join(f"data: {line}\n" for line in text.split("\n"))
    return f"{head}event: {event}\n{data}\n"


def _follow(follower: Follower) -> Iterator[str]:
    yield "retry: 2000\n\n"
    started = spoken = time.monotonic()
    while time.monotonic() - started < LIFE_SECONDS:
        for text in follower.look():
            spoken = time.monotonic()
            yield text
        if follower.has_ended:
            yield message("ended", "")
            return
        if time.monotonic() - spoken > HEARTBEAT_SECONDS:
            spoken = time.monotonic()
            yield ": alive\n\n"
        time.sleep(POLL_SECONDS)


def _last_event_id() -> int:
    """Return what the browser saw last; the page's own ``after`` counts at its first visit."""
    text = request.headers.get("Last-Event-ID") or request.args.get("after", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
