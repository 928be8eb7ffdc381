"""Spans nest, name errors by their type alone, and cost nothing while traces are off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.tracing.context import TraceContext, current, new_trace, set_current, within
from app.tracing.span import Span, SpanKind
from app.tracing.tracer import (
    begin_or_join,
    begin_trace,
    is_recording,
    pass_on_terraform,
    record,
    record_span,
    send_spans_with,
    traced,
)


@pytest.fixture
def sent() -> list[Span]:
    spans: list[Span] = []
    send_spans_with(spans.append)
    return spans


def test_a_block_is_a_span_below_that_of_its_surroundings(sent: list[Span]) -> None:
    root = new_trace(1.0)
    with within(root), traced("outer", SpanKind.CONSUMER, landform__stack__id="stk_1") as outer:
        outer.say(count=2)
        with traced("inner"):
            pass
    inner, outer_span = sent
    assert (inner.name, inner.parent_id) == ("inner", outer_span.context.span_id)
    assert (outer_span.parent_id, outer_span.kind) == (root.span_id, SpanKind.CONSUMER)
    assert outer_span.attributes == {"landform.stack.id": "stk_1", "count": 2}
    assert {item.context.trace_id for item in sent} == {root.trace_id}
    assert outer_span.started <= inner.started <= inner.ended <= outer_span.ended


def test_an_error_is_named_by_its_type_and_goes_on(sent: list[Span]) -> None:
    with within(new_trace(1.0)), pytest.raises(ValueError, match="s3cret"), traced("apply"):
        raise ValueError("s3cret")
    assert [item.error for item in sent] == ["ValueError"]
    assert "s3cret" not in repr(sent)


def test_nothing_is_recorded_without_a_trace_or_in_one_that_is_not_sampled(
    sent: list[Span],
) -> None:
    now = datetime.now(UTC)
    with traced("nowhere"):
        assert current() is None
    unsampled = new_trace(0.0)
    with within(unsampled), traced("unsampled"):
        assert current() == unsampled
    record("past", None, now, now)
    record("past", unsampled, now, now)
    record_span(Span("span", unsampled, None, 1, 2))
    assert sent == []


def test_nothing_is_recorded_while_traces_are_off() -> None:
    root = new_trace(1.0)
    with within(root), traced("apply"):
        assert current() == root
    assert not is_recording(root)
    assert begin_or_join("schedule") is None
    assert not begin_trace().is_sampled


def test_what_is_over_is_never_of_a_negative_length(sent: list[Span]) -> None:
    now = datetime.now(UTC)
    record("wait for queue", new_trace(1.0), now, now - timedelta(seconds=1), error="E", stack="s")
    assert [(item.started, item.error) for item in sent] == [(sent[0].ended, "E")]


def test_who_works_on_nothing_begins_a_trace_and_others_join(sent: list[Span]) -> None:
    begun = begin_or_join("schedule", landform__operation__type="drift_check")
    assert begun is not None
    assert [(item.name, item.context, item.parent_id) for item in sent] == [
        ("schedule", begun, None)
    ]
    set_current(begun)
    assert begin_or_join("schedule") == begun
    assert len(sent) == 1


def test_what_terraform_exported_is_below_the_present_span() -> None:
    told: list[tuple[TraceContext, bytes]] = []
    send_spans_with(lambda span: None, lambda parent, body: told.append((parent, body)))
    root = new_trace(1.0)
    pass_on_terraform(b"of nothing")
    with within(root):
        pass_on_terraform(b"of a step")
    with within(new_trace(0.0)):
        pass_on_terraform(b"of what is not recorded")
    assert told == [(root, b"of a step")]
