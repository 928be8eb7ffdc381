"""Write events as lines: NDJSON, which keeps the chain, and CSV for a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from app import exact_json
from app.domain.audit_chain import ChainedEvent, exact_time
from app.domain.csv_lines import csv_line

COLUMNS = (
    *("sequence", "id", "at", "actor_id", "actor", "actor_kind", "address"),
    *("action", "object_type", "object_id", "project_id", "request_id"),
    *("detail", "previous_hash", "hash"),
)
LINES_AT_ONCE = 200


def as_ndjson(events: Iterable[ChainedEvent]) -> Iterator[str]:
    """Yield one JSON object a line, as the API shows an event."""
    for event in events:
        yield exact_json.dumps(event.to_dict()) + "\n"


def as_csv(events: Iterable[ChainedEvent]) -> Iterator[str]:
    """Yield a line of titles and one line an event."""
    yield csv_line(COLUMNS)
    for event in events:
        yield csv_line(
            (
                str(event.sequence),
                event.id,
                exact_time(event.at),
                event.actor.id,
                event.actor.name,
                event.actor.kind,
                event.actor.address,
                event.action,
                event.object_type,
                event.object_id,
                event.project_id,
                event.request_id,
                exact_json.dumps(event.detail, ensure_ascii=False),
                event.previous_hash,
                event.hash,
            )
        )


FORMATS: dict[str, Callable[[Iterable[ChainedEvent]], Iterator[str]]] = {
    "ndjson": as_ndjson,
    "csv": as_csv,
}


def in_batches(lines: Iterable[str]) -> Iterator[bytes]:
    """Join lines, so that not each becomes a network packet of its own."""
    batch: list[str] = []
    for line in lines:
        batch.append(line)
        if len(batch) == LINES_AT_ONCE:
            yield "".join(batch).encode("utf-8", "backslashreplace")
            batch.clear()
    if batch:
        yield "".join(batch).encode("utf-8", "backslashreplace")
