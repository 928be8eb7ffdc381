"""Operations that people follow, read once for all who follow them.

One thread of the process asks SQL for a mark of each followed operation, and wakes those whose
operation has moved. What the first of them reads, and writes as text, the others send too; so
hundreds of open streams cost little more than one. Who may follow what is decided before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.logs import get_logger
from app.models import Operation, OperationEvent, OperationStep
from app.services.context import Context
from app.services.operations.queries import events_after

POLL_SECONDS = 0.2
STALE_SECONDS = 15.0
"""How old a reading gets: what others do may change why an operation waits."""

EVENTS_AT_ONCE = 500

T = TypeVar("T")
Mark = tuple[Any, ...]
log = get_logger(__name__)


class WrittenEvents(NamedTuple):
    """Events as text. ``last`` is the id of the last of them; more may follow it, or none."""

    text: str
    last: int
    has_more: bool


@dataclass(frozen=True)
class Reading(Generic[T]):
    """How an operation stood; ``taken`` is a moment of the monotonic clock.

    Events are read later than ``shown``, so those before an end that it shows are all there.
    """

    shown: T
    moves: int
    taken: float
    events: dict[int, WrittenEvents] = field(default_factory=dict)
    """The text of the events after an event."""


class Waker:
    """Wakes one stream; hundreds are woken at once, for which ``threading.Event`` is slow."""

    def __init__(self) -> None:
        """Start asleep."""
        self._calls: SimpleQueue[None] = SimpleQueue()

    def wake(self) -> None:
        """End the present wait, or the next one."""
        if self._calls.empty():
            self._calls.put(None)

    def wait(self, seconds: float, gather_seconds: float) -> None:
        """Wait at most so long; once woken, until a time at which all who gather look together."""
        try:
            self._calls.get(timeout=seconds)
        except Empty:
            return
        if gather_seconds:
            time.sleep(gather_seconds - time.monotonic() % gather_seconds)
            while not self._calls.empty():
                self._calls.get()


@dataclass(eq=False)
class Watched:
    """A followed operation. ``moves`` counts how often it has moved.

    ``over`` says why all who follow it must end, and come back, when they must.
    """

    ctx: Context
    operation_id: str
    mark: Mark | None = None
    moves: int = 0
    over: str = ""
    followers: list[Waker] = field(default_factory=list)
    readings: dict[Hashable, Reading[Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def status(self) -> str | None:
        """The operation's status when it was last asked for; none before that."""
        return self.mark[1] if self.mark is not None else None

    def wake(self) -> None:
        """Wake all who follow."""
        self.moves += 1
        for follower in self.followers:
            follower.wake()

    def read(self, sight: Hashable, read_shown: Callable[[], T]) -> Reading[T]:
        """Return how the operation stands, read once for all who see the same.

        Args:
            sight: the same for all who are shown the same.
            read_shown: called when nobody has read since the last move.
        """
        found = self._fresh(sight)
        if found is None:
            with self.lock:
                found = self._fresh(sight)  # somebody else may have read while this one waited
                if found is None:
                    moves, taken = self.moves, time.monotonic()
                    found = self.readings[sight] = Reading(read_shown(), moves, taken)
        return found

    def _fresh(self, sight: Hashable) -> Reading[Any] | None:
        found = self.readings.get(sight)
        if found is None or found.moves != self.moves:
            return None
        return found if time.monotonic() - found.taken < STALE_SECONDS else None

    def write_events(
        self,
        reading: Reading[Any],
        after: int,
        write: Callable[[Sequence[OperationEvent]], str],
    ) -> Iterator[WrittenEvents]:
        """Yield the events after an event, in parts that are written once for all."""
        has_more = True
        while has_more:
            part = reading.events.get(after)
            if part is None:
                with self.lock:
                    if after not in reading.events:
                        reading.events[after] = self._write(after, write)
                    part = reading.events[after]
            if part.text:
                yield part
            after, has_more = part.last, part.has_more

    def _write(self, after: int, write: Callable[[Sequence[OperationEvent]], str]) -> WrittenEvents:
        with self.ctx.read() as session:
            events = events_after(session, self.operation_id, after, EVENTS_AT_ONCE)
            if not events:
                return WrittenEvents("", after, has_more=False)
            return WrittenEvents(
                write(events), events[-1].id, has_more=len(events) == EVENTS_AT_ONCE
            )


class OperationWatch:
    """All operations that are followed through one process."""

    def __init__(self, ctx: Context) -> None:
        """Follow nothing yet."""
        self._ctx = ctx
        self._lock = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def following(self, operation_id: str) -> Iterator[tuple[Watched, Waker]]:
        """Give what is followed, and what wakes whenever it has moved."""
        waker = Waker()
        with self._lock:
            watched = self._watched.setdefault(operation_id, Watched(self._ctx, operation_id))
            watched.followers.append(waker)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="watch")
                self._thread.start()
        try:
            yield watched, waker
        finally:
            with self._lock:
                watched.followers.remove(waker)
                if not watched.followers and self._watched.get(operation_id) is watched:
                    del self._watched[operation_id]

    def close(self) -> None:
        """End all streams and wait until nothing is read for them any more."""
        self._end_all("Landform stops")
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._watched:
                    self._thread = None
                    return
                watched = dict(self._watched)
            try:
                with self._ctx.read() as session:
                    marks = read_marks(session, watched)
            except SQLAlchemyError as error:
                log.warning("watch_failed", error=str(error))
                self._end_all("the database does not answer")
                continue
            self._compare(watched, marks)
            time.sleep(POLL_SECONDS)

    def _compare(self, watched: Mapping[str, Watched], marks: Mapping[str, Mark]) -> None:
        with self._lock:
            for operation_id, item in watched.items():
                if item.mark != (mark := marks.get(operation_id)):
                    item.mark = mark
                    item.wake()

    def _end_all(self, why: str) -> None:
        """End all streams: their clients come back with the id of the last event that they saw."""
        with self._lock:
            for item in self._watched.values():
                item.over = why
                item.wake()
            self._watched.clear()


def read_marks(session: Session, operation_ids: Collection[str]) -> dict[str, Mark]:
    """Return a mark of each of the operations that exist, which differs as soon as one has moved.

    One query for all of them, by keys only, that reads no document.
    """
    query = select(
        Operation.id,
        Operation.status,
        Operation.attempt,
        Operation.approved_at,
        Operation.cancel_requested_at,
        Operation.force_requested_at,
        Operation.orphans_searched_at,
        _of_rows(OperationEvent, func.max(OperationEvent.id)),
        _of_rows(OperationStep, func.max(OperationStep.id)),
        _of_rows(OperationStep, func.count(OperationStep.ended_at)),
    ).where(Operation.id.in_(operation_ids))
    return {row[0]: tuple(row) for row in session.execute(query)}


def _of_rows(model: type[OperationEvent | OperationStep], figure: Any) -> ScalarSelect[Any]:
    query = select(figure).where(model.operation_id == Operation.id)
    return query.correlate(Operation).scalar_subquery()
