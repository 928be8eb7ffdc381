"""Each request is a span of a trace: the client's, or one that begins here."""

from __future__ import annotations

import time

from flask import g, request

from app.config.settings import Settings
from app.tracing.context import HEADER, TraceContext, parse_traceparent, set_current
from app.tracing.setup import export_spans
from app.tracing.span import Span, SpanKind, clean_attributes
from app.tracing.tracer import begin_trace, is_recording, record_span
from app.web.http_metrics import METHODS

ERROR_STATUS = 500


def provide_traces(settings: Settings) -> None:
    """Send the spans of this process, if traces are on.

    Raises:
        ConfigurationError: they are, and the packages are not installed.
    """
    export_spans(settings, "web")


def begin_request_trace() -> TraceContext:
    """Say that this thread works on the present request, and return its span."""
    given = parse_traceparent(request.headers.get(HEADER))
    own = given.child() if given is not None else begin_trace()
    g.trace, g.trace_parent = own, given.span_id if given is not None else None
    g.trace_started = time.time_ns()
    set_current(own)
    return own


def end_request_trace(status: int, *, is_told: bool) -> None:
    """Say that this thread has done with the present request, and record its span.

    It names the route, never the address as sent.

    Args:
        status: of the answer.
        is_told: whether a span is recorded.
    """
    own: TraceContext | None = g.get("trace")
    set_current(None)
    if own is None or not (is_told and is_recording(own)):
        return
    route = request.url_rule.rule if request.url_rule is not None else None
    method = request.method if request.method in METHODS else "_OTHER"
    attributes = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "landform.request_id": g.get("request_id"),
    }
    record_span(
        Span(
            f"{method} {route}" if route else method,
            own,
            g.trace_parent,
            g.trace_started,
            time.time_ns(),
            SpanKind.SERVER,
            clean_attributes(attributes),
            str(status) if status >= ERROR_STATUS else None,
        )
    )
