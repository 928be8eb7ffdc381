"""Write events as lines: NDJSON, which keeps the chain, and CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.domain.audit_chain import ChainedEvent, exact_time

COLUMNS = (
    *("sequence", "id", "at", "actor_id", "actor", "actor_kind", "address"),
    *("action", "object_type", "object_id", "project_id", "request_id"),
    *("detail", "previous_hash", "hash"),
)
# What makes a spreadsheet take a text for a formula (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # meant
LINES_AT_ONCE = 200


def as_ndjson(events: Iterable[ChainedEvent]) -> Iterator[str]:
    """Yield one JSON object a line, as the API shows an event."""
    for event in events:
        yield json.dumps(event.to_dict()) + "\n"


def as_csv(events: Iterable[ChainedEvent]) -> Iterator[str]:
    """Yield a line of titles and one line an event; a text that looks like a formula is quoted."""
    yield _line(COLUMNS)
    for event in events:
        yield _line(
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
                json.dumps(event.detail, ensure_ascii=False),
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


def _line(cells: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(
        [_disarm(cell) if isinstance(cell, str) else "" for cell in cells]
    )
    return text.getvalue()


def _disarm(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
