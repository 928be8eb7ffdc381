"""One finished span: what was done, of which trace, from when until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.tracing.context import TraceContext, parse_traceparent

MAX_NAME = 200
MAX_VALUE = 300
MAX_ATTRIBUTES = 32

Value = str | int | float | bool


class SpanKind(StrEnum):
    """The kinds of OpenTelemetry that occur here."""

    INTERNAL = "internal"
    SERVER = "server"
    CONSUMER = "consumer"
    CLIENT = "client"


@dataclass(frozen=True)
class Span:
    """What one exporter sends. Times are nanoseconds since 1970.

    Attributes hold ids, names and counts: never a value of a parameter, an output or a credential.
    """

    name: str
    context: TraceContext
    parent_id: str | None
    started: int
    ended: int
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Mapping[str, Value] = field(default_factory=dict)
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name[:MAX_NAME],
            "context": self.context.header(),
            "parent_id": self.parent_id,
            "started": self.started,
            "ended": self.ended,
            "kind": self.kind.value,
            "attributes": dict(list(self.attributes.items())[:MAX_ATTRIBUTES]),
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Span:
        """Rebuild what ``to_dict`` made.

        Raises:
            ValueError, KeyError, TypeError, AttributeError: it is something else.
        """
        context = parse_traceparent(data["context"])
        if context is None:
            raise ValueError("The span names no trace.")
        return cls(
            name=str(data["name"])[:MAX_NAME],
            context=context,
            parent_id=data["parent_id"],
            started=int(data["started"]),
            ended=int(data["ended"]),
            kind=SpanKind(data["kind"]),
            attributes=clean_attributes(data["attributes"]),
            error=None if data["error"] is None else str(data["error"])[:MAX_VALUE],
        )


def clean_attributes(attributes: Mapping[str, object]) -> dict[str, Value]:
    """Return what can be sent: no None, and texts of a bounded length."""
    cleaned: dict[str, Value] = {}
    for name, value in attributes.items():
        if isinstance(value, bool | int | float):
            cleaned[name] = value
        elif value is not None:
            cleaned[name] = str(value)[:MAX_VALUE]
    return cleaned


def nanoseconds(moment: datetime) -> int:
    """Return a time as spans have it."""
    return int(moment.timestamp() * 1_000_000) * 1000
