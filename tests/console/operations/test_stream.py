"""Many pages of one operation: one reading for all, and to each what it may see."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.console.operations import stream
from app.services.operations import watch
from app.services.operations.watch import OperationWatch
from app.web.context import WATCH
from tests.console.conftest import PreparedHome, Visitor
from tests.console.fleet_examples import Fleet

MANY = 20


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(stream, "GATHER_SECONDS", 0.0)


@pytest.fixture
def live(console_app: Flask) -> OperationWatch:
    found: OperationWatch = console_app.extensions[WATCH]
    return found


def until(is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def operation(fleet: Fleet) -> str:
    return fleet.operation(fleet.stack().stack_id, status="applying", has_applied=True)


class Crowd:
    """People who all watch one operation, each through a stream of their own."""

    def __init__(self, app: Flask, jars: Sequence[Mapping[str, str]], operation: str) -> None:
        """Have somebody watch for each jar of cookies; all of them do when this returns."""
        self._pool = ThreadPoolExecutor(len(jars))
        self.streams: list[Future[str]] = []
        for jar in jars:
            visitor = Visitor(app.test_client())
            for name, value in jar.items():
                visitor.client.set_cookie(name, value)
            self.streams.append(self._pool.submit(visitor.text, f"/operations/{operation}/stream"))
        live: OperationWatch = app.extensions[WATCH]
        until(lambda: operation in live._watched)
        self.watched = live._watched[operation]
        until(lambda: len(self.watched.followers) == len(jars))

    def texts(self) -> list[str]:
        """Return what each was sent, when all streams have ended."""
        found = [stream.result(30) for stream in self.streams]
        self._pool.shutdown()
        return found


def test_many_pages_ask_no_more_of_sql_than_one(
    console_app: Flask, prepared_home: PreparedHome, fleet: Fleet
) -> None:
    def statements(count: int) -> int:
        """Return how often SQL is asked for what so many pages show of ten events."""
        seen: list[str] = []

        def note(*arguments: Any) -> None:
            if threading.current_thread().name.startswith("ThreadPool"):
                seen.append(str(arguments[2]))

        name = f"stack-{count}"
        operation = fleet.operation(fleet.stack(name).stack_id, status="applying", has_applied=True)
        crowd = Crowd(console_app, [prepared_home.cookies] * count, operation)
        until(lambda: crowd.watched.readings)
        event.listen(fleet.ctx.db.engine, "before_cursor_execute", note)
        for number in range(10):
            before = crowd.watched.moves
            fleet.events(operation, [{"message": f"line {number}"}])
            until(lambda before=before: crowd.watched.moves > before)
        fleet.change_operation(operation, status="applied")
        texts = crowd.texts()
        event.remove(fleet.ctx.db.engine, "before_cursor_execute", note)
        expected = [f"line {number}" for number in range(10)]
        assert [re.findall(r"line \d", text) for text in texts] == [expected] * count
        return len(seen)

    alone = statements(1)
    assert statements(MANY) <= 2 * alone


def test_each_is_sent_what_the_own_role_allows_with_the_own_token(
    console_app: Flask, prepared_home: PreparedHome, fleet: Fleet, operation: str
) -> None:
    jars: dict[str, Mapping[str, str]] = {"admin": prepared_home.cookies}
    for role in ("operator", "viewer"):
        fleet.member(f"an-{role}", "a long password", role)
        visitor = Visitor(console_app.test_client())
        visitor.sign_in(f"an-{role}", "a long password")
        cookies = [visitor.client.get_cookie(n) for n in ("landform_session", "landform_csrf")]
        jars[role] = {cookie.key: cookie.value for cookie in cookies if cookie is not None}
    fleet.change_operation(operation, status="pending", has_applied=False)
    crowd = Crowd(console_app, list(jars.values()), operation)
    until(lambda: len(crowd.watched.readings) == len(jars))
    fleet.change_operation(operation, status="canceled")
    admin, operator, viewer = crowd.texts()
    for text, role in ((admin, "admin"), (operator, "operator")):
        found = set(re.findall(r'name="csrf_token" value="([^"]+)"', text))
        assert found == {jars[role]["landform_csrf"]}
    assert "csrf_token" not in viewer


def test_a_database_that_goes_away_ends_the_streams_for_the_browser_to_come_back(
    console_app: Flask,
    prepared_home: PreparedHome,
    operation: str,
    live: OperationWatch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crowd = Crowd(console_app, [prepared_home.cookies] * 2, operation)

    def fail(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(watch, "read_marks", fail)
    for text in crowd.texts():
        assert "event: ended" not in text
    until(lambda: live._thread is None)
