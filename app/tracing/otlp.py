"""Sends spans to a collector by OTLP over HTTP, with OpenTelemetry's own exporter.

The one module that needs the packages of ``requirements-otel.txt``; it is imported only when traces
are on. Where the collector is, and how it is spoken to, say the standard variables
(``OTEL_EXPORTER_OTLP_*``, ``OTEL_BSP_*``). OpenTelemetry's queue is bounded and served by a thread
of its own: a collector that is down, slow or wrong costs spans, never a request.
"""

from __future__ import annotations

import os
import threading

from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as TerraformSpan
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from app.tracing.context import TraceContext
from app.tracing.span import MAX_NAME, Span
from app.version import VERSION

SERVICE = "landform"
TERRAFORM_SERVICE = "terraform"
MAX_TERRAFORM_SPANS = 200
"""Of one export; a module may write what it likes to where Terraform exports to."""

_ERROR = 2


class OtlpSender:
    """Gives spans to OpenTelemetry's queue."""

    def __init__(self, **facts: str) -> None:
        """Prepare; the thread begins with the first span, in the process that has it.

        Args:
            facts: what names this process, such as its role.
        """
        own = {"service.version": VERSION} | {
            f"landform.{name}": value for name, value in facts.items()
        }
        service = os.environ.get("OTEL_SERVICE_NAME") or SERVICE
        self._resource = Resource.create({**own, "service.name": service})
        self._terraform = Resource.create({**own, "service.name": TERRAFORM_SERVICE})
        self._scope = InstrumentationScope(SERVICE, VERSION)
        self._lock = threading.Lock()
        self._queue: BatchSpanProcessor | None = None
        self._exporter: OTLPSpanExporter | None = None

    def send(self, finished: Span) -> None:
        """Queue a span; the oldest is dropped when the queue is full."""
        self._put(
            finished.name,
            _context(finished.context.trace_id, finished.context.span_id),
            None
            if finished.parent_id is None
            else _context(finished.context.trace_id, finished.parent_id, is_remote=True),
            (finished.started, finished.ended),
            self._resource,
            kind=SpanKind[finished.kind.name],
            attributes=dict(finished.attributes),
            error=finished.error,
        )

    def send_terraform(self, parent: TraceContext, body: bytes) -> None:
        """Queue Terraform's own spans, as spans of the trace of ``parent``.

        Terraform 1.11 takes no ``TRACEPARENT``: it begins a trace of its own, so its ids are
        replaced. Names are cut where arguments begin, and attributes are left out: they are
        Terraform's and its modules', and nobody has looked through them for secrets.

        Args:
            parent: the step that Terraform serves.
            body: an ``ExportTraceServiceRequest``.
        """
        asked = ExportTraceServiceRequest()
        try:
            asked.ParseFromString(body)
        except DecodeError:
            return
        found = [
            item
            for resource in asked.resource_spans
            for scope in resource.scope_spans
            for item in scope.spans
        ]
        for item in found[:MAX_TERRAFORM_SPANS]:
            self._put_terraform(parent, item)

    def close(self, seconds: float) -> None:
        """Send what is queued, for at most ``seconds``, and nothing after that.

        The library's own time-outs do not hold (opentelemetry-python issue 4568), and a queue that
        is only flushed goes on in its thread.
        """
        if self._queue is None or self._exporter is None:
            return
        ending = threading.Thread(target=self._queue.shutdown, daemon=True)
        ending.start()
        ending.join(seconds)
        if ending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it has no types

    def _put_terraform(self, parent: TraceContext, item: TerraformSpan) -> None:
        if len(item.span_id) != 8 or not any(item.span_id):
            return
        above = item.parent_span_id.hex() or parent.span_id
        self._put(
            item.name.partition(" -")[0][:MAX_NAME],
            _context(parent.trace_id, item.span_id.hex()),
            _context(parent.trace_id, above, is_remote=True),
            (item.start_time_unix_nano, item.end_time_unix_nano),
            self._terraform,
            error="error" if item.status.code == _ERROR else None,
        )

    def _put(
        self,
        name: str,
        context: SpanContext,
        parent: SpanContext | None,
        times: tuple[int, int],
        resource: Resource,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: dict[str, str | int | float | bool] | None = None,
        error: str | None = None,
    ) -> None:
        told = dict(attributes or {})
        if error is not None:
            told["error.type"] = error
        self._ready_queue().on_end(
            ReadableSpan(
                name=name,
                context=context,
                parent=parent,
                resource=resource,
                attributes=told,
                kind=kind,
                status=Status(StatusCode.ERROR) if error is not None else Status(StatusCode.UNSET),
                start_time=times[0],
                end_time=times[1],
                instrumentation_scope=self._scope,
            )
        )

    def _ready_queue(self) -> BatchSpanProcessor:
        with self._lock:
            if self._queue is None:
                self._exporter = OTLPSpanExporter()
                self._queue = BatchSpanProcessor(self._exporter)
            return self._queue


def _context(trace_id: str, span_id: str, *, is_remote: bool = False) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote, flags)
