"""Transactions: nothing is lost between writers, times are UTC, readers change nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, InternalError, StatementError

from app.config.settings import REPOSITORY_ROOT
from app.db import Database
from app.models import InstallationFact
from app.services.installation.migrations import upgrade
from tests.conftest import MakeSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PROCESSES, THREADS, UPDATES = 3, 4, 20
COUNT = """
import sys, threading
from sqlalchemy.exc import OperationalError
from app.db import Database
from app.models import InstallationFact
database = Database(sys.argv[1])
def add() -> None:
    left = int(sys.argv[3])
    while left:
        try:
            with database.write() as session:
                fact = session.get(InstallationFact, "counter", with_for_update=True)
                fact.value = {"count": fact.value["count"] + 1}
            left -= 1
        except OperationalError:  # locked for 15 s on a busy machine; nothing was written
            pass
threads = [threading.Thread(target=add) for _ in range(int(sys.argv[2]))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
database.close()
"""


@pytest.fixture
def url(make_settings: MakeSettings) -> str:
    settings = make_settings()
    settings.home_dir.mkdir(parents=True)
    return settings.database


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = Database(url)
    upgrade(database)
    yield database
    database.close()


def put(database: Database, name: str, at: datetime = NOW, count: int = 0) -> None:
    with database.write() as session:
        session.add(InstallationFact(name=name, value={"count": count}, updated_at=at))


def get(database: Database, name: str) -> InstallationFact | None:
    with database.read() as session:
        return session.get(InstallationFact, name)


def test_no_update_of_many_threads_and_processes_is_lost(database: Database, url: str) -> None:
    put(database, "counter")
    command = [sys.executable, "-c", COUNT, url, str(THREADS), str(UPDATES)]
    processes = [subprocess.Popen(command, cwd=REPOSITORY_ROOT) for _ in range(PROCESSES)]
    assert [process.wait(400) for process in processes] == [0] * PROCESSES
    fact = get(database, "counter")
    assert fact is not None
    assert fact.value == {"count": PROCESSES * THREADS * UPDATES}


def test_readers_go_on_while_a_writer_has_not_committed(database: Database) -> None:
    put(database, "counter", count=1)
    with database.write() as session:
        session.get_one(InstallationFact, "counter").value = {"count": 2}
        session.flush()
        seen: list[InstallationFact | None] = []
        reader = threading.Thread(target=lambda: seen.append(get(database, "counter")))
        reader.start()
        reader.join(10)
        assert [fact and fact.value for fact in seen] == [{"count": 1}]


def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    def put_and_fail() -> None:
        with database.write() as session:
            session.add(InstallationFact(name="half", value={}, updated_at=NOW))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        put_and_fail()
    assert get(database, "half") is None


def test_what_a_reader_changes_is_not_kept(database: Database) -> None:
    is_refused = database.engine.dialect.name == "postgresql"
    with (
        pytest.raises(InternalError, match="read-only") if is_refused else nullcontext(),
        database.read() as session,
    ):
        session.add(InstallationFact(name="sneaked", value={}, updated_at=NOW))
        session.flush()
    assert get(database, "sneaked") is None


def test_what_a_reader_changes_in_memory_alone_is_dropped(database: Database) -> None:
    put(database, "counter", count=1)
    with database.read() as session:
        session.get_one(InstallationFact, "counter").value = {"count": 2}
        session.add(InstallationFact(name="sneaked", value={}, updated_at=NOW))
    fact = get(database, "counter")
    assert fact is not None
    assert fact.value == {"count": 1}
    assert get(database, "sneaked") is None


def test_a_writer_may_follow_a_reader_on_the_same_connection(database: Database) -> None:
    assert get(database, "counter") is None
    put(database, "counter", count=3)
    assert get(database, "counter") is not None


def test_reads_on_postgresql_are_planned_once(database: Database) -> None:
    if database.engine.dialect.name != "postgresql":
        pytest.skip("SQLite plans anew each time")
    for _ in range(10):
        get(database, "counter")
    with database.read() as session:
        kept = session.scalar(text("SELECT count(*) FROM pg_prepared_statements"))
    assert kept


def test_a_time_comes_back_as_the_same_moment_in_utc(database: Database) -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    put(database, "far", at=NOW.astimezone(there))
    fact = get(database, "far")
    assert fact is not None
    assert (fact.updated_at, fact.updated_at.utcoffset()) == (NOW, timedelta(0))


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"):
        put(database, "naive", at=NOW.replace(tzinfo=None))


def test_a_reference_to_nothing_is_refused_by_the_database(database: Database) -> None:
    statement = text("INSERT INTO project_members VALUES ('prj_none', 'usr_none', 'viewer')")
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(statement)


def test_sqlite_is_durable_and_patient(make_settings: MakeSettings) -> None:
    settings = make_settings(database_url="")
    settings.home_dir.mkdir(parents=True)
    database = Database(settings.database)
    with database.read() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    database.close()
    full = 2
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "busy_timeout": 15_000,
    }


def test_what_is_read_for_a_later_change_is_not_locked(database: Database) -> None:
    with database.read() as session:
        assert session.get(InstallationFact, "none", with_for_update=True) is None
        locking = select(InstallationFact).with_for_update(read=True)
        assert session.scalars(locking).all() is not None
