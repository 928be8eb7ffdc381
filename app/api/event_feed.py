"""What happens to operations, read once for all who follow them.

One thread asks SQL while anybody follows, and hands each event, written once, to every listener;
hundreds of streams cost little more than one. It must not decide who may follow what.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

from sqlalchemy import and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.api import present
from app.domain.operations import FINAL, OperationStatus
from app.logs import get_logger
from app.models import Operation, OperationEvent
from app.services.context import Context

POLL_SECONDS = 0.2
EVENTS_AT_ONCE = 500

log = get_logger(__name__)


@dataclass(frozen=True)
class News:
    """One message of a stream, ready to be sent.

    ``event_id`` is that of an event, ``status`` that of an operation; ``is_last`` ends the stream.
    """

    text: str
    event_id: int | None = None
    status: str | None = None
    is_last: bool = False


Listener = SimpleQueue[News]


@dataclass
class _Followed:
    """An operation that somebody follows, and what all its listeners were told."""

    after: int
    status: str
    listeners: list[Listener] = field(default_factory=list)

    def tell(self, news: News) -> None:
        for listener in self.listeners:
            listener.put(news)


class EventFeed:
    """Reads for all streams of one process."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._lock = threading.Lock()
        self._followed: dict[str, _Followed] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def following(self, operation_id: str) -> Iterator[Listener]:
        """Give a queue of what happens to the operation from now on.

        What happened before is for the caller to read afterwards; the two may overlap.
        """
        listener: Listener = SimpleQueue()
        with self._ctx.read() as session:
            last = select(func.max(OperationEvent.id)).where(
                OperationEvent.operation_id == operation_id
            )
            status = session.get_one(Operation, operation_id).status
            start = _Followed(session.scalar(last) or 0, status)
        with self._lock:
            self._followed.setdefault(operation_id, start).listeners.append(listener)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="event-feed")
                self._thread.start()
        try:
            yield listener
        finally:
            with self._lock:
                followed = self._followed.get(operation_id)
                if followed is not None and listener in followed.listeners:
                    followed.listeners.remove(listener)
                    if not followed.listeners:
                        del self._followed[operation_id]

    def close(self) -> None:
        """End all streams and wait until nothing is read any more."""
        self._end_all("Landform stops")
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._followed:
                    self._thread = None
                    return
                followed = dict(self._followed)
            try:
                is_behind = self._look(followed)
            except SQLAlchemyError as error:
                log.warning("event_feed_failed", error=str(error))
                self._end_all("the database does not answer")
                continue
            if not is_behind:
                time.sleep(POLL_SECONDS)

    def _end_all(self, why: str) -> None:
        """End all streams: their clients come back with the id of the last event that they saw."""
        with self._lock:
            for followed in self._followed.values():
                followed.tell(News(f": {why}\n\n", is_last=True))
            self._followed.clear()

    def _look(self, followed: dict[str, _Followed]) -> bool:
        """Hand out what is new; tell whether there is more than was read."""
        with self._ctx.read() as session:
            # The status first: events written before an end are then seen for certain.
            query = select(Operation.id, Operation.status).where(Operation.id.in_(followed))
            statuses = {row.id: row.status for row in session.execute(query)}
            events = _new_events(session, followed)
            for event in events:
                followed[event.operation_id].after = event.id
                followed[event.operation_id].tell(event_news(event))
            if len(events) == EVENTS_AT_ONCE:
                return True
            for operation_id, status in statuses.items():
                if status != followed[operation_id].status:
                    followed[operation_id].status = status
                    for news in operation_news(session, operation_id):
                        followed[operation_id].tell(news)
        return False


def event_news(row: OperationEvent) -> News:
    """Write one event."""
    text = json.dumps(present.event(row))
    return News(f"id: {row.id}\nevent: event\ndata: {text}\n\n", event_id=row.id)


def operation_news(session: Session, operation_id: str) -> list[News]:
    """Write how an operation stands, and that it has ended if it has."""
    row = session.get_one(Operation, operation_id, populate_existing=True)
    text = json.dumps(present.operation(session, row))
    news = [News(f"event: operation\ndata: {text}\n\n", status=row.status)]
    if OperationStatus(row.status) in FINAL:
        news.append(News(f"event: end\ndata: {text}\n\n", is_last=True))
    return news


def _new_events(session: Session, followed: dict[str, _Followed]) -> list[OperationEvent]:
    newer = [
        and_(OperationEvent.operation_id == operation_id, OperationEvent.id > item.after)
        for operation_id, item in followed.items()
    ]
    query = select(OperationEvent).where(or_(*newer)).order_by(OperationEvent.id)
    return list(session.scalars(query.limit(EVENTS_AT_ONCE)))
