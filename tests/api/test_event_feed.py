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

from app.api.event_feed import EventFeed, News
from app.api.event_stream import FEED
from app.clock import utc_now
from app.models import OperationEvent
from app.stream_places import EXTENSION, THREADS_KEPT, StreamPlaces
from tests.api.conftest import MakeApp
from tests.api.rest import Rest

WATCHERS = 40


@pytest.fixture
def feed(rest: Rest) -> EventFeed:
    found: EventFeed = rest.app.extensions[FEED]
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
    text = rest.get(f"/operations/{operation}/events", headers=headers).text
    return [part.split("\n")[0] for part in text.split("\n\n") if part and ": alive" not in part]


def test_all_who_follow_are_told_the_same_once_and_in_order(rest: Rest, feed: EventFeed) -> None:
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
        until(lambda: len(feed._followed) == 2)
        for number in range(12):
            operation = (first, second)[number % 2]
            ids[operation].append(tell(rest, operation, f"more {number}"))
        rest.end(first)
        rest.end(second)
        for operation, stream in streams:
            told = [line for line in stream.result(30) if line.startswith("id: ")]
            assert told == [f"id: {number}" for number in ids[operation]]
    until(lambda: feed._thread is None)  # nobody follows: nobody asks SQL


def test_many_who_follow_ask_no_more_of_sql_than_one(rest: Rest, feed: EventFeed) -> None:
    operation = rest.create("networks", "a")["operation"]["id"]

    def statements(count: int) -> float:
        """Return how many statements the feed makes in a second for so many listeners."""
        seen: list[float] = []

        def note(*_: Any) -> None:
            if threading.current_thread().name == "event-feed":
                seen.append(time.monotonic())

        event.listen(rest.ctx.db.engine, "before_cursor_execute", note)
        followers = [feed.following(operation) for _ in range(count)]
        for follower in followers:
            follower.__enter__()
        time.sleep(1.5)
        for follower in followers:
            follower.__exit__(None, None, None)
        event.remove(rest.ctx.db.engine, "before_cursor_execute", note)
        return len(seen) / 1.5

    assert statements(50) <= 1.5 * statements(1) + 2


def test_a_database_that_goes_away_ends_the_streams(
    rest: Rest, feed: EventFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = rest.create("networks", "a")["operation"]["id"]

    def fail(_: Any) -> bool:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(feed, "_look", fail)
    with feed.following(operation) as listener:
        news: News = listener.get(timeout=20)
    assert news.is_last
    until(lambda: feed._thread is None)


@pytest.mark.parametrize(("threads", "streams"), [(4, 4), (THREADS_KEPT + 9, 9), (512, 200)])
def test_streams_leave_threads_to_other_requests(
    make_app: MakeApp, threads: int, streams: int
) -> None:
    places: StreamPlaces = make_app(web_threads=threads).extensions[EXTENSION]
    assert places.count == streams
