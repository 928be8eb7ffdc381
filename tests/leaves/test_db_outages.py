"""A database that goes away and comes back: work waits, is done once, and errors stay errors."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

import app.db
from app.clock import utc_now
from app.db import Database
from app.db_outages import CommitWatch
from app.models import InstallationFact
from app.services.installation.migrations import upgrade
from tests.postgresql import find_binaries, serve

PATIENCE_SECONDS = 60.0
THREADS, EACH = 6, 40


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database in a file, whose users wait for a lock for a twentieth of a second only."""
    monkeypatch.setattr(app.db, "BUSY_TIMEOUT_MS", 50)
    return tmp_path / "landform.db"


@pytest.fixture
def database(file: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    yield database
    database.close()


def lock(file: Path, seconds: float) -> threading.Thread:
    """Hold the file's write lock for so long; returns when it is held."""
    held = threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(seconds)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    return thread


def add_fact(session: Session, name: str = "made") -> None:
    session.add(InstallationFact(name=name, value={}, updated_at=utc_now()))


def facts(database: Database) -> list[str]:
    with database.read() as session:
        query = text("SELECT name FROM installation_facts WHERE name = 'made'")
        return [*session.execute(query).scalars()]


def test_work_waits_for_a_lock_and_is_done_once(database: Database, file: Path) -> None:
    holder = lock(file, 1.0)
    database.persist(add_fact, PATIENCE_SECONDS)
    holder.join()
    assert facts(database) == ["made"]


def test_a_transaction_begins_when_the_lock_is_gone(database: Database, file: Path) -> None:
    database.patience_seconds = PATIENCE_SECONDS
    holder = lock(file, 1.0)
    with database.write() as session:
        add_fact(session)
    holder.join()
    assert facts(database) == ["made"]


def test_without_patience_a_lock_is_an_error(database: Database, file: Path) -> None:
    holder = lock(file, 1.0)
    with pytest.raises(OperationalError, match="locked"):
        database.persist(add_fact)
    holder.join()
    assert facts(database) == []


def test_an_error_that_will_not_pass_is_told_at_once(database: Database) -> None:
    database.persist(add_fact)
    attempts = []

    def add_again(session: Session) -> None:
        attempts.append(1)
        add_fact(session)

    with pytest.raises(IntegrityError):
        database.persist(add_again, PATIENCE_SECONDS)
    assert len(attempts) == 1


def count_up(session: Session) -> None:
    fact = session.get(InstallationFact, "counter", with_for_update=True)
    assert fact is not None
    fact.value = {"count": fact.value["count"] + 1}


def terminate_at_random(database: Database, is_over: threading.Event) -> int:
    """Break a connection of somebody else every few milliseconds; return how many."""
    query = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database() ORDER BY random() LIMIT 1"
    )
    broken = 0
    while not is_over.wait(0.02):
        with database.engine.connect() as connection:
            broken += connection.execute(query).rowcount
    return broken


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_every_piece_of_work_is_committed_once_however_connections_break() -> None:
    binaries, is_over = find_binaries(), threading.Event()
    assert binaries is not None
    with serve(binaries) as server, ThreadPoolExecutor(THREADS + 1) as pool:
        url = server.url(server.create_database())
        working, breaking = Database(url, PATIENCE_SECONDS), Database(url)
        with working.write() as session:
            session.add(InstallationFact(name="counter", value={"count": 0}, updated_at=utc_now()))

        def work() -> None:
            for _ in range(EACH):
                working.persist(count_up)

        broken = pool.submit(terminate_at_random, breaking, is_over)
        for done in [pool.submit(work) for _ in range(THREADS)]:
            done.result()
        is_over.set()
        assert broken.result() > 0
        with working.read() as session:
            assert session.get_one(InstallationFact, "counter").value == {"count": THREADS * EACH}
        working.close(), breaking.close()


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_a_server_that_is_killed_and_started_again_loses_no_work() -> None:
    binaries = find_binaries()
    assert binaries is not None
    with serve(binaries, is_durable=True) as server:
        database = Database(server.url(server.create_database()), PATIENCE_SECONDS)
        with database.write() as session:
            session.add(InstallationFact(name="counter", value={"count": 0}, updated_at=utc_now()))
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(lambda: [database.persist(count_up) for _ in range(300)])
            for _ in range(2):
                time.sleep(0.2)
                server.kill()
                server.start()
            done.result()
        with database.read() as session:
            assert session.get_one(InstallationFact, "counter").value == {"count": 300}
        database.close()


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_a_transaction_that_a_crashed_server_forgot_was_not_committed() -> None:
    """Without its log the server counts on from before, so the number lies in its future."""
    binaries = find_binaries()
    assert binaries is not None
    with serve(binaries) as server:
        database = Database(server.url(server.create_database()))
        watch = CommitWatch(database.engine)
        with suppress(ZeroDivisionError), database.write() as session:
            add_fact(session)
            session.flush()
            watch.note(session)
            raise ZeroDivisionError
        assert not watch.was_committed(), "it was rolled back"
        far = "SELECT (pg_current_xact_id()::text::bigint + 100000)::text"
        with database.write() as session:
            watch._number = session.execute(text(far)).scalar_one()
        assert not watch.was_committed()
        database.close()


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_a_pooled_connection_that_the_server_closed_is_not_used() -> None:
    binaries, process = find_binaries(), text("SELECT pg_backend_pid()")
    assert binaries is not None
    with serve(binaries) as server:
        url = server.url(server.create_database())
        database, other = Database(url), Database(url)
        for _ in range(2):  # without patience, and with no moment between
            with database.read() as session:
                closed = session.execute(process).scalar_one()
            with other.engine.connect() as connection:
                connection.execute(text(f"SELECT pg_terminate_backend({closed}, 5000)"))
            with database.write() as session:
                assert session.execute(process).scalar_one() != closed
        database.close(), other.close()


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_what_is_asked_is_asked_again_when_its_connection_breaks() -> None:
    binaries, asked = find_binaries(), list[int]()
    assert binaries is not None
    with serve(binaries) as server:
        database = Database(server.url(server.create_database()), PATIENCE_SECONDS)

        def question(session: Session) -> int:
            asked.append(1)
            if len(asked) == 1:
                server.kill()
                server.start()
            return int(session.execute(text("SELECT 42")).scalar_one())

        assert (database.ask(question), len(asked)) == (42, 2)
        database.close()


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_a_host_that_is_cut_off_in_a_transaction_does_not_lock_its_rows_for_ever() -> None:
    binaries = find_binaries()
    assert binaries is not None
    with serve(binaries) as server:
        url = server.url(server.create_database())
        own, chosen = Database(url), Database(url + "&options=-c%20work_mem%3D1MB")
        setting = text("SHOW idle_in_transaction_session_timeout")
        with own.read() as session, chosen.read() as other:
            assert session.execute(setting).scalar_one() == "45s"
            assert other.execute(setting).scalar_one() == "0"
        own.close(), chosen.close()
