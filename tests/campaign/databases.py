"""The databases of a campaign, and how they go away for a while under a running Landform.

PostgreSQL is killed and started again on what it left. SQLite, which has no process, is locked by a
writer that keeps its transaction open, sometimes for longer than SQLite itself waits.
"""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from app.db import BUSY_TIMEOUT_MS
from tests import postgresql

AWAY_SECONDS = (0.2, 4.0)
LOCK_SECONDS = (2.0, 1.3 * BUSY_TIMEOUT_MS / 1000)
GET_LOCK_SECONDS = 60.0


class Outage(Protocol):
    """A way to take a database away; ``name`` says what happens to it."""

    @property
    def name(self) -> str: ...

    def strike(self, random: Random) -> None:
        """Take the database away, and return when it is back."""


@dataclass(frozen=True)
class LockedSqlite:
    """An open writing transaction that keeps all other writers out."""

    path: Path
    name: str = "SQLite locked"

    def strike(self, random: Random) -> None:
        options = {"isolation_level": None, "timeout": GET_LOCK_SECONDS}
        with closing(sqlite3.connect(self.path, **options)) as connection:  # type: ignore[call-overload]
            connection.execute("BEGIN IMMEDIATE")
            time.sleep(random.uniform(*LOCK_SECONDS))
            connection.execute("ROLLBACK")


@dataclass(frozen=True)
class KilledPostgresql:
    """A server whose processes are all killed, and that is started again.

    Only from the thread that started it at first: it ends with the thread that starts it.
    """

    server: postgresql.Server
    name: str = "PostgreSQL"
    away_seconds: tuple[float, float] = AWAY_SECONDS

    def strike(self, random: Random) -> None:
        self.server.kill()
        time.sleep(random.uniform(*self.away_seconds))
        self.server.start()


@dataclass(frozen=True)
class Databases:
    """URLs of two empty databases, empty texts for SQLite in its home, and the first one's end."""

    url: str
    other_url: str
    outage: Outage


@contextmanager
def serve_databases(kind: str, home: Path) -> Iterator[Databases]:
    """Yield the databases of one campaign; ``home`` is of the Landform that uses the first."""
    if kind == "sqlite":
        yield Databases("", "", LockedSqlite(home / "landform.db"))
        return
    binaries = postgresql.find_binaries()
    if binaries is None:
        sys.exit("There is no PostgreSQL on this machine: apt-get install postgresql")
    # The other one is never killed: what uses it has no processes that would wait.
    with (
        postgresql.serve(binaries, is_durable=True) as server,
        postgresql.serve(binaries) as other,
    ):
        yield Databases(
            server.url(server.create_database()),
            other.url(other.create_database()),
            KilledPostgresql(server),
        )
