"""Records spans, into whatever this process sends them with; into nothing while traces are off.

The web process and the agent of a host send with ``otlp``. A worker may have one thread only and
must wait for nobody, so it hands its spans to the agent (``relay``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self

from app.tracing.context import TraceContext, current, new_trace, within
from app.tracing.span import Span, SpanKind, clean_attributes, nanoseconds

Send = Callable[[Span], None]
SendTerraform = Callable[[TraceContext, bytes], None]


@dataclass
class _Sending:
    """How this process sends; without ``send`` it records nothing."""

    send: Send | None = None
    send_terraform: SendTerraform | None = None
    ratio: float = 0.0


_sending = _Sending()


def send_spans_with(
    send: Send | None, send_terraform: SendTerraform | None = None, ratio: float = 1.0
) -> None:
    """Give every span of this process to ``send``, which never waits and never raises.

    Args:
        send: takes a span; None records none.
        send_terraform: takes what Terraform exported, and the span that it belongs below.
        ratio: the share of the traces that begin here to record.
    """
    _sending.send, _sending.send_terraform = send, send_terraform
    _sending.ratio = ratio if send is not None else 0.0


def is_recording(context: TraceContext | None) -> bool:
    """Tell whether spans below ``context`` are recorded."""
    return _sending.send is not None and context is not None and context.is_sampled


def begin_trace() -> TraceContext:
    """Return the first span of a trace that begins here."""
    return new_trace(_sending.ratio)


def begin_or_join(name: str, **attributes: object) -> TraceContext | None:
    """Return what this thread works on; when that is nothing, begin a trace, if traces are on.

    Args:
        name: the name of the span that the new trace begins with.
        attributes: of that span.
    """
    if (present := current()) is not None or _sending.send is None:
        return present
    own, now = begin_trace(), time.time_ns()
    told = clean_attributes(_dotted(attributes))
    record_span(Span(name, own, None, now, now, attributes=told))
    return own


class traced:  # noqa: N801  read as a word: ``with traced("apply"):``
    """Records its block as a span of the present trace; what the block does is below that span."""

    def __init__(self, name: str, kind: SpanKind = SpanKind.INTERNAL, **attributes: object) -> None:
        """Name what is done.

        Args:
            name: what is done.
            kind: which kind of span.
            attributes: ids, names and counts; a double underscore becomes a dot.
        """
        self._name, self._kind, self._attributes = name, kind, _dotted(attributes)
        self._stack = ExitStack()
        self._parent: TraceContext | None = None

    def __enter__(self) -> Self:
        parent = current()
        if parent is not None and is_recording(parent):
            self._parent, self._own = parent, parent.child()
            self._started = time.time_ns()
            self._stack.enter_context(within(self._own))
        return self

    def say(self, **attributes: object) -> None:
        """Add what is known only now."""
        self._attributes |= _dotted(attributes)

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
        if self._parent is None:
            return
        record_span(
            Span(
                self._name,
                self._own,
                self._parent.span_id,
                self._started,
                time.time_ns(),
                self._kind,
                clean_attributes(self._attributes),
                # Never its text, in which a provider may have written anything.
                None if error_type is None else error_type.__name__,
            )
        )


def record(
    name: str,
    parent: TraceContext | None,
    began: datetime,
    ended: datetime,
    error: str | None = None,
    **attributes: object,
) -> None:
    """Record what is over already, below ``parent``; nothing without one."""
    if parent is None or not is_recording(parent):
        return
    started, over = nanoseconds(began), nanoseconds(ended)
    told = clean_attributes(_dotted(attributes))
    own = parent.child()
    record_span(
        Span(name, own, parent.span_id, started, max(started, over), attributes=told, error=error)
    )


def record_span(finished: Span) -> None:
    """Record a span, if its trace is recorded."""
    if finished.context.is_sampled and _sending.send is not None:
        _sending.send(finished)


def pass_on_terraform(body: bytes) -> None:
    """Send what Terraform exported, as a part of what this thread works on."""
    parent = current()
    if parent is not None and parent.is_sampled and _sending.send_terraform is not None:
        _sending.send_terraform(parent, body)


def _dotted(attributes: dict[str, object]) -> dict[str, object]:
    return {name.replace("__", "."): value for name, value in attributes.items()}
