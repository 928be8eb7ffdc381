"""A span goes through the relay unchanged, bounded, and without what is no value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.tracing.context import new_trace
from app.tracing.span import (
    MAX_ATTRIBUTES,
    MAX_NAME,
    MAX_VALUE,
    Span,
    SpanKind,
    clean_attributes,
    nanoseconds,
)


def test_a_span_is_rebuilt_as_it_was() -> None:
    told = Span("apply", new_trace(1.0), "b7ad6b7169203331", 5, 9, SpanKind.CLIENT, {"a": 1}, "E")
    assert Span.from_dict(told.to_dict()) == told


def test_what_is_too_long_is_cut() -> None:
    many = {f"name-{number}": "x" for number in range(100)}
    data = Span("n" * 999, new_trace(1.0), None, 1, 2, attributes=many).to_dict()
    assert len(data["name"]) == MAX_NAME
    assert len(data["attributes"]) == MAX_ATTRIBUTES
    assert clean_attributes({"long": "v" * 999, "none": None, "yes": True}) == {
        "long": "v" * MAX_VALUE,
        "yes": True,
    }


@pytest.mark.parametrize("change", [{"context": "no trace"}, {"kind": "other"}, {"started": "x"}])
def test_what_is_no_span_is_refused(change: dict[str, str]) -> None:
    data = Span("apply", new_trace(1.0), None, 1, 2).to_dict()
    with pytest.raises(ValueError, match=r"."):
        Span.from_dict(data | change)


def test_times_are_exact_to_the_microsecond() -> None:
    moment = datetime(2026, 12, 1, 1, 2, 3, 456789, tzinfo=UTC)
    assert nanoseconds(moment) == 1796086923456789000
