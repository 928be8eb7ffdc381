"""A collector of OTLP over HTTP on loopback that reads what it is sent, or is bad at it."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class CollectedSpan:
    """One span as a collector understands it."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    service: str
    role: str
    attributes: dict[str, Any]
    is_error: bool
    seconds: float


@dataclass
class Collector:
    """Keeps every span; with ``hangs`` set it takes requests and answers none of them."""

    port: int = 0
    status: int = 200
    hangs: bool = False
    spans: list[CollectedSpan] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def named(self, name: str) -> list[CollectedSpan]:
        return [item for item in self.spans if item.name == name]

    def take(self, body: bytes) -> None:
        """Read one export, as protobuf."""
        service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        asked = service.ExportTraceServiceRequest()
        asked.ParseFromString(body)
        for resource in asked.resource_spans:
            facts = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [_read(item, facts) for item in scope.spans]


def _read(item: Any, facts: dict[str, Any]) -> CollectedSpan:
    return CollectedSpan(
        name=item.name,
        trace_id=item.trace_id.hex(),
        span_id=item.span_id.hex(),
        parent_id=item.parent_span_id.hex(),
        kind=item.kind,
        service=facts.get("service.name", ""),
        role=facts.get("landform.role", ""),
        attributes=_values(item.attributes),
        is_error=item.status.code == 2,
        seconds=(item.end_time_unix_nano - item.start_time_unix_nano) / 1e9,
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


@contextmanager
def collecting(**how: Any) -> Iterator[Collector]:
    """Run a collector on a free port."""
    collector = Collector(**how)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            collector.headers.append({name.lower(): it for name, it in self.headers.items()})
            collector.asked.set()
            if collector.hangs:
                collector.over.wait()
                return
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if collector.status == 200:
                collector.take(body)
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        collector.over.set()
        server.shutdown()
        server.server_close()
