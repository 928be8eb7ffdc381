"""The campaign really takes a database away, and gives it back with all that was committed."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.campaign.databases import LockedSqlite, serve_databases
from tests.postgresql import find_binaries
from tests.running import wait_until


class Shortest(Random):
    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


def test_a_locked_sqlite_lets_nobody_write_and_then_everybody(tmp_path: Path) -> None:
    outage = LockedSqlite(tmp_path / "a.db")
    with closing(sqlite3.connect(outage.path, timeout=0, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE noted (number INTEGER)")

        def is_locked() -> bool:
            try:
                connection.execute("INSERT INTO noted VALUES (1)")
            except sqlite3.OperationalError as error:
                return "locked" in str(error)
            return False

        strike = threading.Thread(target=outage.strike, args=(Shortest(),))
        strike.start()
        wait_until(is_locked, "the lock")
        assert connection.execute("SELECT count(*) FROM noted").fetchone(), "readers go on"
        strike.join()
        assert not is_locked()


@pytest.mark.skipif(find_binaries() is None, reason="this machine has no PostgreSQL server")
def test_a_killed_postgresql_breaks_what_is_open_and_keeps_what_was_committed(
    tmp_path: Path,
) -> None:
    with serve_databases("postgresql", tmp_path) as databases:
        engine = create_engine(databases.url)
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE noted (number INTEGER)"))
        with engine.connect() as connection:
            connection.execute(text("INSERT INTO noted VALUES (1)"))
            connection.commit()
            connection.execute(text("INSERT INTO noted VALUES (2)"))
            databases.outage.strike(Shortest())
            with pytest.raises(OperationalError):
                connection.execute(text("SELECT 1"))
        with engine.connect() as connection:
            kept = list(connection.scalars(text("SELECT number FROM noted")))
        engine.dispose()
    assert kept == [1]
