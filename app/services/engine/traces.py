"""An operation as a part of a trace: what it waited for, its work, its resources, its Terraform."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import Self

from app.clock import utc_now
from app.domain.operation_registry import facts_of
from app.logs import get_logger, logging_with
from app.models import Operation
from app.services.engine.claims import Claim
from app.terraform.events import Event
from app.terraform.span_receiver import SpanReceiver
from app.tracing.context import HEADER, TraceContext, current, parse_traceparent, within
from app.tracing.span import Span, SpanKind, clean_attributes
from app.tracing.tracer import is_recording, pass_on_terraform, record, record_span, traced

BEGINS = {"apply_start": "apply", "refresh_start": "refresh"}
ENDS = frozenset({"apply_complete", "apply_errored", "refresh_complete"})
MAX_RESOURCES = 2000
"""Of one operation; more would only push other spans out of the queue."""

log = get_logger(__name__)


@contextmanager
def tracing(taken: Claim) -> Iterator[None]:
    """Work on a claimed operation below the span that asked for it; log lines name all of that."""
    origin, name = taken.origin, taken.facts.name
    told = {"landform__operation__id": taken.operation_id, "landform__stack__id": taken.stack_id}
    for waited_for, began, ended in origin.waits:
        record(f"wait for {waited_for}", origin.trace, began, ended, **told)
    with (
        logging_with(
            operation_id=taken.operation_id,
            request_id=origin.request_id,
            trace_id=origin.trace.trace_id if origin.trace is not None else None,
        ),
        within(origin.trace),
        traced(f"operation {name}", SpanKind.CONSUMER, landform__operation__type=name, **told),
    ):
        yield


@contextmanager
def recovering(operation: Operation) -> Iterator[None]:
    """Recover an operation below the span that asked for it; log lines name all of that."""
    trace = parse_traceparent(operation.traceparent)
    with (
        logging_with(
            operation_id=operation.id,
            request_id=operation.request_id,
            trace_id=trace.trace_id if trace is not None else None,
        ),
        within(trace),
    ):
        yield


def record_abandoned(operation: Operation) -> None:
    """Record the span of work whose process is gone, as it was before it was recovered."""
    moves = operation.transitions
    began = datetime.fromisoformat(moves[-1]["at"]) if moves else operation.created_at
    record(
        f"operation {facts_of(operation.type).name}",
        parse_traceparent(operation.traceparent),
        began,
        utc_now(),
        "abandoned",
        landform__operation__id=operation.id,
        landform__stack__id=operation.stack_id,
    )


class ResourceSpans:
    """A span for each resource that Terraform works on, from what it says while it runs.

    These are the provider's calls as far as Terraform tells of them.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._open: dict[tuple[str, str], tuple[TraceContext, str, int]] = {}
        self._left = MAX_RESOURCES

    def follow(self, event: Event) -> None:
        """Take up an event of Terraform."""
        parent = current()
        if event.address is None or parent is None or not is_recording(parent):
            return
        stage = event.type.partition("_")[0]
        key = (stage, event.address)
        if event.type in BEGINS and self._left > 0:
            self._left -= 1
            self._open[key] = (parent.child(), parent.span_id, time.time_ns())
        elif event.type in ENDS and key in self._open:
            self._end(event, stage, *self._open.pop(key))

    def _end(
        self, event: Event, stage: str, own: TraceContext, parent_id: str, started: int
    ) -> None:
        action = event.action or stage
        attributes = {
            "terraform.resource.address": event.address,
            "terraform.resource.type": event.resource_type,
            "terraform.action": action,
        }
        record_span(
            Span(
                f"{action} {event.resource_type or 'resource'}",
                own,
                parent_id,
                started,
                time.time_ns(),
                SpanKind.CLIENT,
                clean_attributes(attributes),
                "apply_errored" if event.type == "apply_errored" else None,
            )
        )


class TerraformSpans:
    """Takes the spans of the Terraform of one operation, when its trace is recorded."""

    def __init__(self) -> None:
        """Prepare; it listens from the first Terraform on."""
        self._receiver: SpanReceiver | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._receiver is not None:
            self._receiver.close()
            self._receiver = None

    def environment(self) -> dict[str, str]:
        """Return the variables with which Terraform says what it does, and below what."""
        trace = current()
        if trace is None or not is_recording(trace):
            return {}
        if self._receiver is None:
            try:
                self._receiver = SpanReceiver(pass_on_terraform)
            except OSError as error:
                log.warning("terraform_not_traced", error=str(error))
                return {}
        return {**self._receiver.environment(), HEADER.upper(): trace.header()}

    def pause(self, seconds: float) -> None:
        """Wait so long at most, and take what comes meanwhile."""
        if self._receiver is None:
            time.sleep(seconds)
        else:
            self._receiver.pause(seconds)
