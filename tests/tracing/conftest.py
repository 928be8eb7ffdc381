"""No test leaves a process that sends spans, or a thread that is within a trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.tracing.context import set_current
from app.tracing.tracer import send_spans_with


@pytest.fixture(autouse=True)
def nothing_is_sent() -> Iterator[None]:
    yield
    send_spans_with(None)
    set_current(None)
