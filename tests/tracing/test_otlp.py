"""What is sent is OTLP that a collector reads; a dead, slow or wrong one costs spans only."""

from __future__ import annotations

import resource
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.tracing.context import new_trace
from app.tracing.span import Span, SpanKind
from tests.otlp_collector import Collector, collecting
from tests.running import wait_until

pytest.importorskip("opentelemetry.sdk", reason="`make install-otel` was not run")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.tracing.otlp import MAX_TERRAFORM_SPANS, OtlpSender

PATIENCE_SECONDS = 300.0
MANY = 5000

MakeSender = Callable[[str], OtlpSender]


@pytest.fixture(autouse=True)
def settings_of_the_exporter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20collector-key")


@pytest.fixture
def make_sender() -> Iterator[MakeSender]:
    """Leave no thread of the exporter to other tests: it draws random numbers for its retries."""
    before, made = set(threading.enumerate()), list[OtlpSender]()

    def make(role: str) -> OtlpSender:
        made.append(OtlpSender(role=role))
        return made[-1]

    yield make
    for sender in made:
        sender.close(0.5)
    wait_until(lambda: set(threading.enumerate()) <= before, "the exporter's end", PATIENCE_SECONDS)


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as started:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", started.url)
        yield started


def test_a_span_arrives_whole(collector: Collector, make_sender: MakeSender) -> None:
    context = new_trace(1.0)
    told = Span(
        "apply", context, "b7ad6b7169203331", 10**9, 3 * 10**9, SpanKind.SERVER, {"a": "b"}, "Lost"
    )
    make_sender("web").send(told)
    (found,) = wait_until(lambda: list(collector.spans), "a span", PATIENCE_SECONDS)
    assert (found.name, found.trace_id, found.span_id) == (
        "apply",
        context.trace_id,
        context.span_id,
    )
    assert (found.parent_id, found.seconds, found.is_error) == ("b7ad6b7169203331", 2.0, True)
    assert (found.service, found.role, found.kind) == ("landform", "web", 2)
    assert found.attributes == {"a": "b", "error.type": "Lost"}
    assert collector.headers[0]["authorization"] == "Bearer collector-key"


def terraform_export(*spans: dict[str, Any]) -> bytes:
    asked = ExportTraceServiceRequest()
    scope = asked.resource_spans.add().scope_spans.add()
    for fields in spans:
        item = scope.spans.add(
            trace_id=b"t" * 16, start_time_unix_nano=1, end_time_unix_nano=2, **fields
        )
        attribute = item.attributes.add(key="path")
        attribute.value.string_value = "/secret"
    return asked.SerializeToString()


def test_spans_of_terraform_join_the_trace_without_their_arguments(
    collector: Collector, make_sender: MakeSender
) -> None:
    parent, sender = new_trace(1.0), make_sender("agent")
    sender.send_terraform(
        parent,
        terraform_export(
            {"name": "terraform apply -auto-approve /run/plan", "span_id": b"A" * 8},
            {"name": "install providers", "span_id": b"B" * 8, "parent_span_id": b"A" * 8},
            {"name": "broken", "span_id": b"C"},
        ),
    )
    found = wait_until(lambda: list(collector.spans), "spans", PATIENCE_SECONDS)
    assert [(item.name, item.parent_id) for item in found] == [
        ("terraform apply", parent.span_id),
        ("install providers", (b"A" * 8).hex()),
    ]
    assert {item.trace_id for item in found} == {parent.trace_id}
    assert [item.attributes for item in found] == [{}, {}]
    assert {item.service for item in found} == {"terraform"}


def test_an_export_that_is_none_or_too_much_is_bounded(
    collector: Collector, make_sender: MakeSender
) -> None:
    sender, parent = make_sender("agent"), new_trace(1.0)
    sender.send_terraform(parent, b"\xff\xff no protobuf")
    spans = [{"name": "s", "span_id": number.to_bytes(8, "big")} for number in range(1, 500)]
    sender.send_terraform(parent, terraform_export(*spans))
    sender.send(Span("last", parent, None, 1, 2))
    wait_until(lambda: collector.named("last"), "the last span", PATIENCE_SECONDS)
    assert len(collector.named("s")) == MAX_TERRAFORM_SPANS


@pytest.mark.parametrize("trouble", ["dead", "hangs", "refuses"])
def test_a_bad_collector_holds_nobody_up_and_memory_is_bounded(
    trouble: str, monkeypatch: pytest.MonkeyPatch, make_sender: MakeSender
) -> None:
    """While an export hangs, every span is taken at once: by nobody's thread but the queue's."""
    with collecting(hangs=trouble == "hangs", status=503) as bad:
        url = "http://127.0.0.1:1" if trouble == "dead" else bad.url
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        sender, threads = make_sender("web"), threading.active_count()
        sender.send(Span("first", new_trace(1.0), None, 1, 2))
        if trouble != "dead":
            wait_until(bad.asked.is_set, "an export that goes wrong", PATIENCE_SECONDS)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(MANY):
            sender.send(Span("next", new_trace(1.0), None, 1, 2, attributes={"text": "x" * 300}))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024
        assert not bad.over.is_set(), "nobody has answered meanwhile"
        assert threading.active_count() - threads <= 1 + len(bad.headers)
        assert bad.spans == []
