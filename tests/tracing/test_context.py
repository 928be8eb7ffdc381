"""``traceparent`` is read as W3C says, and nothing else is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tracing.context import (
    TraceContext,
    current,
    new_trace,
    parse_traceparent,
    set_current,
    within,
)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def test_a_valid_one_is_read_and_written_again() -> None:
    text = f"00-{TRACE}-{SPAN}-01"
    context = parse_traceparent(text)
    assert context == TraceContext(TRACE, SPAN, is_sampled=True)
    assert context is not None
    assert context.header() == text
    child = context.child()
    assert (child.trace_id, child.is_sampled) == (TRACE, True)
    assert child.span_id != SPAN


def test_flags_say_whether_it_is_recorded() -> None:
    found = {flags: parse_traceparent(f"00-{TRACE}-{SPAN}-{flags}") for flags in ("00", "03", "02")}
    assert {flags: it and it.is_sampled for flags, it in found.items()} == {
        "00": False,
        "03": True,
        "02": False,
    }


def test_a_later_version_is_read_by_what_is_known() -> None:
    assert parse_traceparent(f"01-{TRACE}-{SPAN}-01-more") is not None
    assert parse_traceparent(f"cc-{TRACE}-{SPAN}-01") is not None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        TRACE,
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f"01-{TRACE}-{SPAN}-01-{'a' * 300}",
        "00-٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١-b7ad6b7169203331-01",
    ],
)
def test_whatever_else_comes_is_none(text: str | None) -> None:
    assert parse_traceparent(text) is None


@given(st.text(max_size=120))
def test_nothing_raises_and_what_is_read_has_the_shape(text: str) -> None:
    found = parse_traceparent(text)
    assert found is None or parse_traceparent(found.header()) == found


def test_the_share_that_is_recorded_is_kept() -> None:
    assert all(new_trace(1.0).is_sampled for _ in range(50))
    assert not any(new_trace(0.0).is_sampled for _ in range(50))


def test_the_present_work_is_that_of_the_block() -> None:
    outer, inner = new_trace(1.0), new_trace(1.0)
    set_current(outer)
    with within(inner):
        assert current() == inner
    assert current() == outer
    set_current(None)
    assert current() is None
