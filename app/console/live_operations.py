"""Operations that people watch, read once for all of their pages.

One thread asks SQL whether any of them has moved, and rings for those who watch it; the first of
them reads and renders, the others send the same text. So hundreds of open pages cost little more
than one. Who may watch what is decided before.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import render_template
from sqlalchemy.exc import SQLAlchemyError

from app.console.read_models.operation import OperationView, view_of
from app.console.read_models.plan import read_plan
from app.logs import get_logger
from app.services.access import Principal
from app.services.context import Context
from app.services.inventory import events_after
from app.services.lookup import operation_by_id
from app.services.operation_marks import Mark, read_marks

POLL_SECONDS = 0.5
STALE_SECONDS = 15.0
"""How old a reading gets: what others do may change why an operation waits."""

LIVE_PARTS = ("head", "steps", "actions")
log = get_logger(__name__)

Sight = tuple[object, ...]


@dataclass(frozen=True)
class Reading:
    """What a page shows of an operation; ``token_place`` stands where each session has its token.

    ``taken`` is a moment of the monotonic clock.
    """

    ring: int
    taken: float
    view: OperationView
    parts: Mapping[str, str]
    plan: str | None
    token_place: str
    lines: dict[int, tuple[str, int]] = field(default_factory=dict)
    """The log after an event, and the last event of it."""


@dataclass
class Watched:
    """An operation that somebody watches. ``ring`` counts how often it has moved."""

    operation_id: str
    mark: Mark | None = None
    ring: int = 0
    is_over: bool = False
    bells: list[threading.Event] = field(default_factory=list)
    readings: dict[Sight, Reading] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self) -> None:
        """Ring for all who watch."""
        self.ring += 1
        for bell in self.bells:
            bell.set()

    def read(self, ctx: Context, principal: Principal) -> Reading:
        """Return how the operation stands, for somebody with these rights; in a request only.

        Raises:
            NotFoundError: it is gone, or the caller cannot see it any more.
        """
        sight = (principal.is_admin, *sorted(principal.roles.items()))
        with self.lock:
            found = self.readings.get(sight)
            age = time.monotonic() - found.taken if found is not None else 0.0
            if found is None or found.ring != self.ring or age >= STALE_SECONDS:
                found = self.readings[sight] = _read(ctx, principal, self.operation_id, self.ring)
            return found

    def read_log(self, ctx: Context, reading: Reading, after: int) -> tuple[str, int]:
        """Return the log after an event as HTML, and its last event; nothing when there is none."""
        with self.lock:
            if after not in reading.lines:
                with ctx.read() as session:
                    lines = events_after(session, self.operation_id, after)
                page = render_template("operations/_log_lines.html", lines=lines) if lines else ""
                reading.lines[after] = (page, lines[-1].id if lines else after)
            return reading.lines[after]


class LiveOperations:
    """All that is watched through one process."""

    def __init__(self, ctx: Context) -> None:
        """Watch nothing yet."""
        self._ctx = ctx
        self._lock = threading.Lock()
        self._watched: dict[str, Watched] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, operation_id: str) -> Iterator[tuple[Watched, threading.Event]]:
        """Give what is watched, and a bell that rings when it has moved."""
        bell = threading.Event()
        with self._lock:
            watched = self._watched.setdefault(operation_id, Watched(operation_id))
            watched.bells.append(bell)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="live-pages")
                self._thread.start()
        try:
            yield watched, bell
        finally:
            with self._lock:
                watched.bells.remove(bell)
                if not watched.bells and self._watched.get(operation_id) is watched:
                    del self._watched[operation_id]

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
                log.warning("live_operations_failed", error=str(error))
                self._end_all()
                continue
            self._compare(watched, marks)
            time.sleep(POLL_SECONDS)

    def _compare(self, watched: Mapping[str, Watched], marks: Mapping[str, Mark]) -> None:
        with self._lock:
            for operation_id, item in watched.items():
                if item.mark != (mark := marks.get(operation_id)):
                    item.mark = mark
                    item.tell()

    def _end_all(self) -> None:
        """End all streams; their browsers come back by themselves."""
        with self._lock:
            for item in self._watched.values():
                item.is_over = True
                item.tell()
            self._watched.clear()


def _read(ctx: Context, principal: Principal, operation_id: str, ring: int) -> Reading:
    taken, place = time.monotonic(), secrets.token_urlsafe()  # nobody can write it into a text
    with ctx.read() as session:
        operation = operation_by_id(session, principal, operation_id)
        view = view_of(ctx, session, principal, operation)
        plan = None
        if view.summary is not None:
            found = read_plan(ctx, session, principal, operation)
            plan = _render("plan", place, plan=found) if found is not None else None
    parts = {part: _render(part, place, operation=view) for part in LIVE_PARTS}
    return Reading(ring, taken, view, parts, plan, place)


def _render(part: str, token_place: str, **shown: object) -> str:
    return render_template(f"operations/_{part}.html", csrf_token=token_place, **shown)
