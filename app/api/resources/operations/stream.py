"""Follow an operation over the API: its events, its status whenever that changes, its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flask import request

from app import exact_json
from app.api.resources.operations.presenter import present_event, present_operation
from app.domain.operations import FINAL, OperationStatus
from app.errors import ValidationError
from app.models import Operation, OperationEvent
from app.services.operations.watch import Watched
from app.web.event_stream import message, read_event_id

SIGHT = "api"


class Standing(NamedTuple):
    """How an operation stands, as JSON."""

    status: str
    text: str


@dataclass
class EventFollower:
    """Writes the messages of one stream: events after ``after``, and each status once."""

    after: int
    status: str = ""
    has_ended: bool = False

    def look(self, watched: Watched) -> Iterator[str]:
        """Yield what is new since the last look."""
        # The status first: events written before an end are then seen for certain.
        reading = watched.read(SIGHT, lambda: _status(watched))
        for part in watched.write_events(reading, self.after, _write_events):
            self.after = part.last
            yield part.text
        if reading.shown != self.status:
            yield from self._tell(watched, reading.shown)

    def _tell(self, watched: Watched, status: str) -> Iterator[str]:
        """Yield how the operation stands, unless it has moved on: then the next look does."""
        standing = watched.read((SIGHT, status), lambda: _standing(watched)).shown
        if standing.status != status:
            return
        self.status = status
        yield message("operation", standing.text)
        if OperationStatus(status) in FINAL:
            yield message("end", standing.text)
            self.has_ended = True


def last_event_id() -> int:
    """Return the event that the request's stream goes on after.

    Raises:
        ValidationError: ``Last-Event-ID`` is not an event id.
    """
    found = read_event_id(request.headers.get("Last-Event-ID", "0"))
    if found is None:
        raise ValidationError("Last-Event-ID must be the id of an event, a whole number.")
    return found


def _status(watched: Watched) -> str:
    if watched.status is not None:
        return watched.status
    with watched.ctx.read() as session:
        return session.get_one(Operation, watched.operation_id).status


def _standing(watched: Watched) -> Standing:
    with watched.ctx.read() as session:
        row = session.get_one(Operation, watched.operation_id)
        shown = present_operation(session, row)
        return Standing(row.status, exact_json.dumps(shown, large_as_text=True))


def _write_events(events: Sequence[OperationEvent]) -> str:
    return "".join(
        message("event", exact_json.dumps(present_event(event), large_as_text=True), event.id)
        for event in events
    )
