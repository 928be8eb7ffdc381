"""The log of an operation as plain text, the same for the API and the console."""

from __future__ import annotations

from collections.abc import Iterator

from app.clock import rfc3339
from app.plain_text import printable
from app.services.context import Context
from app.services.operations.queries import events_after


def log_lines(ctx: Context, operation_id: str) -> Iterator[str]:
    """Yield the events of an operation as lines of text, a bounded number read at once."""
    after = 0
    while True:
        with ctx.read() as session:
            events = events_after(session, operation_id, after)
        if not events:
            return
        for event in events:
            yield f"{rfc3339(event.at)} {event.level.upper():<5} {printable(event.message)}\n"
        after = events[-1].id
