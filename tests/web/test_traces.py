"""A request is a span of its client's trace, or begins one; log lines and operations name it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from app.logs import configure_logging
from app.models import Operation
from app.tracing.context import current
from app.tracing.span import Span, SpanKind
from app.tracing.tracer import send_spans_with
from tests.api.conftest import *  # noqa: F403  the fixtures of the API
from tests.api.rest import Rest

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def sent(rest: Rest) -> Iterator[list[Span]]:
    spans: list[Span] = []
    send_spans_with(spans.append)
    yield spans
    send_spans_with(None)


def operation_of(rest: Rest, operation_id: str) -> Operation:
    with rest.ctx.read() as session:
        return session.get_one(Operation, operation_id)


def test_a_post_takes_up_the_trace_of_its_client(rest: Rest, sent: list[Span]) -> None:
    body = {"name": "net", "cloud_account": "sandbox", "parameters": {"zones": 1}}
    answer = rest.post("/networks", body, traceparent=GIVEN, x_request_id="req-1")
    assert answer.status_code == 202, answer.text
    span = sent[-1]
    assert (span.name, span.kind) == ("POST /api/v1/networks", SpanKind.SERVER)
    assert (span.context.trace_id, span.parent_id) == (TRACE, SPAN)
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/networks",
        "http.response.status_code": 202,
        "landform.request_id": "req-1",
    }
    operation = operation_of(rest, (answer.json or {})["operation"]["id"])
    assert operation.traceparent == span.context.header()


def test_a_span_names_the_route_and_nothing_that_the_client_wrote(
    rest: Rest, sent: list[Span]
) -> None:
    rest.get("/stacks/stk_s3cret", q="s3cret", headers={"traceparent": GIVEN})
    rest.client.open("/s3cret?q=s3cret", method="S3CRET", headers={"traceparent": GIVEN})
    assert [span.name for span in sent] == ["GET /api/v1/stacks/<stack_id>", "_OTHER"]
    assert "s3cret" not in repr(sent).lower()


def test_a_client_that_is_not_sampled_is_followed_and_not_recorded(
    rest: Rest, sent: list[Span]
) -> None:
    made = rest.post(
        "/networks",
        {"name": "net", "cloud_account": "sandbox", "parameters": {"zones": 1}},
        traceparent=GIVEN[:-2] + "00",
    )
    assert sent == []
    kept = operation_of(rest, (made.json or {})["operation"]["id"]).traceparent
    assert kept is not None
    assert kept.startswith(f"00-{TRACE}-")


@pytest.mark.parametrize("given", ["", "00-zz", f"00-{'0' * 32}-{SPAN}-01", "x" * 5000])
def test_an_invalid_header_begins_a_trace_of_its_own(
    given: str, rest: Rest, sent: list[Span]
) -> None:
    assert rest.get("/stacks", headers={"traceparent": given}).status_code == 200
    assert [span.parent_id for span in sent] == [None]
    assert TRACE not in repr(sent)


def test_what_is_watched_all_the_time_is_no_span(rest: Rest, sent: list[Span]) -> None:
    rest.get("/healthz")
    with rest.client.get("/static/favicon.svg") as answer:
        assert answer.status_code == 200
    assert sent == []
    assert current() is None


@pytest.mark.usefixtures("restored_logs")
def test_log_lines_of_a_request_name_request_and_trace_also_without_an_exporter(
    rest: Rest, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("INFO", "json")
    rest.get("/stacks", headers={"traceparent": GIVEN, "X-Request-Id": "req-2"})
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line[:1] == "{"]
    told = [line for line in lines if line["event"] == "request"]
    assert [(line["request_id"], line["trace_id"]) for line in told] == [("req-2", TRACE)]
