"""Which trace the present work belongs to, as W3C Trace Context writes it (``traceparent``).

Kept for each thread; whoever begins a request or an operation sets it. It needs no package: also
without an exporter the trace of a client stands in the log lines.
"""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

HEADER = "traceparent"
MAX_HEADER = 256
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED = 0x01


@dataclass(frozen=True)
class TraceContext:
    """One span of a trace, as what comes after it names its parent.

    Args:
        trace_id: 32 hexadecimal digits, the same for all that belongs together.
        span_id: 16 hexadecimal digits.
        is_sampled: whether spans of this trace are recorded.
    """

    trace_id: str
    span_id: str
    is_sampled: bool

    def header(self) -> str:
        """Return it as the value of ``traceparent``."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"

    def child(self) -> TraceContext:
        """Return a new span of the same trace."""
        return replace(self, span_id=secrets.token_hex(8))


def parse_traceparent(text: str | None) -> TraceContext | None:
    """Read the value of a ``traceparent``; None when it is missing or not valid.

    Versions that are not known yet are read as the standard asks: the fields that 00 has count.
    """
    match = _TRACEPARENT.fullmatch(text) if text and len(text) <= MAX_HEADER else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if (
        version == "ff"
        or (version == "00" and more)
        or not (int(trace_id, 16) and int(span_id, 16))
    ):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def new_trace(ratio: float) -> TraceContext:
    """Begin a trace; ``ratio`` of them are recorded."""
    is_sampled = random.random() < ratio  # noqa: S311  no secret
    return TraceContext(secrets.token_hex(16), secrets.token_hex(8), is_sampled)


_current: ContextVar[TraceContext | None] = ContextVar("landform_trace", default=None)


def current() -> TraceContext | None:
    """Return the span that this thread works on."""
    return _current.get()


def set_current(context: TraceContext | None) -> None:
    """Say what this thread works on from now on."""
    _current.set(context)


@contextmanager
def within(context: TraceContext | None) -> Iterator[None]:
    """Work on a span until the block ends."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)
