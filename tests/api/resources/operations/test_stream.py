"""One reader of SQL feeds every stream: nothing is lost, doubled or late, however many follow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.clock import utc_now
from app.limits.stream_places import StreamPlaces
from app.models import OperationEvent
from app.services.operations import watch
from app.services.operations.watch import OperationWatch
from app.web.context import WATCH
from app.web.stream_places import EXTENSION, THREADS_KEPT
from tests.api.conftest import MakeApp
from tests.api.rest import Rest

WATCHERS = 40


@pytest.fixture
def rest(make_app: MakeApp) -> Rest:
    """Somebody who may take a place for each of those who watch."""
    return Rest(make_app(streams_per_user=WATCHERS, streams_per_address=WATCHERS))


@pytest.fixture
def live(rest: Rest) -> OperationWatch:
    found: OperationWatch = rest.app.extensions[WATCH]
    return found


def tell(rest: Rest, operation: str, message: str) -> int:
    with rest.ctx.write() as session:
        row = OperationEvent(
            operation_id=operation, at=utc_now(), type="note", level="info", message=message
        )
        session.add(row)
        session.flush()
        return row.id


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def follow(rest: Rest, operation: str) -> list[str]:
    """Return the first lines of all messages of a stream, until it ends."""
    headers = {"Accept": "text/event-stream"}
    with rest.get(f"/operations/{operation}/events", headers=headers) as answer:
        text = answer.text
    return [part.split("\n")[0] for part in text.split("\n\n") if part and ": alive" not in part]


def test_all_who_follow_are_told_the_same_once_and_in_order(
    rest: Rest, live: OperationWatch
) -> None:
    first, second = (rest.create("networks", name)["operation"]["id"] for name in ("a", "b"))
    ids: dict[str, list[int]] = {first: [], second: []}
    with ThreadPoolExecutor(WATCHERS) as pool:
        streams = [
            (operation, pool.submit(follow, rest, operation))
            for _ in range(WATCHERS // 2)
            for operation in (first, second)
        ]
        for number in range(12):
            operation = (first, second)[number % 2]
            ids[operation].append(tell(rest, operation, f"line {number}"))
        until(lambda: len(live._watched) == 2)
        for number in range(12):
            operation = (first, second)[number % 2]
            ids[operation].append(tell(rest, operation, f"more {number}"))
        rest.end(first)
        rest.end(second)
        for operation, stream in streams:
            told = [line for line in stream.result(30) if line.startswith("id: ")]
            assert told == [f"id: {number}" for number in ids[operation]]
    until(lambda: live._thread is None)  # nobody follows: nobody asks SQL


def test_many_who_follow_ask_no_more_of_sql_than_one(rest: Rest, live: OperationWatch) -> None:
    def statements(count: int) -> int:
        """Return how often SQL is asked for what so many streams tell of ten events."""
        seen: list[str] = []

        def note(*arguments: Any) -> None:
            if threading.current_thread().name.startswith("ThreadPool"):
                seen.append(str(arguments[2]))

        operation = rest.create("networks", f"network-{count}")["operation"]["id"]
        with ThreadPoolExecutor(count) as pool:
            streams = [pool.submit(follow, rest, operation) for _ in range(count)]
            until(lambda: operation in live._watched)
            watched = live._watched[operation]
            until(lambda: len(watched.followers) == count and watched.readings)
            event.listen(rest.ctx.db.engine, "before_cursor_execute", note)
            for number in range(10):
                before = watched.moves
                tell(rest, operation, f"line {number}")
                until(lambda before=before: watched.moves > before)
            rest.end(operation)
            told = [stream.result(30) for stream in streams]
        event.remove(rest.ctx.db.engine, "before_cursor_execute", note)
        assert all(lines == told[0] and lines[-1] == "event: end" for lines in told)
        return len(seen)

    alone = statements(1)
    assert statements(WATCHERS) <= 2 * alone


def test_a_database_that_goes_away_ends_the_streams(
    rest: Rest, live: OperationWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = rest.create("networks", "a")["operation"]["id"]

    def fail(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(watch, "read_marks", fail)
    assert follow(rest, operation)[-1] == ": the database does not answer"
    until(lambda: live._thread is None)


def test_a_stream_that_cannot_read_ends_for_its_client_to_come_back(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = rest.create("networks", "a")["operation"]["id"]

    def fail(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(watch, "events_after", fail)
    assert follow(rest, operation) == ["retry: 2000"]


@pytest.mark.parametrize(("threads", "streams"), [(4, 4), (THREADS_KEPT + 9, 9), (512, 200)])
def test_streams_leave_threads_to_other_requests(
    make_app: MakeApp, threads: int, streams: int
) -> None:
    places: StreamPlaces = make_app(web_threads=threads).extensions[EXTENSION]
    assert min(places.limits.of_process, places.limits.in_all) == streams
