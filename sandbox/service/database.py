"""Owns the SQLite file, and how a connection and a transaction are opened.

Every writer takes `BEGIN IMMEDIATE`, so that two processes never read the same value and both
write it back (see facts.md: 500 of 600 updates were lost otherwise). Must not know the domain.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sandbox.service.tables import bring_up

BUSY_TIMEOUT_SECONDS = 10.0


class Database:
    """The sandbox cloud's SQLite file. One connection per transaction: cheap, and safe in threads.

    Parameters:
        path: the file; its folder is created (0700), the file itself is private to the user.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def create_tables(self) -> None:
        """Make the file and the tables it lacks. Safe when several processes do it."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
        with self.transaction() as connection:
            bring_up(connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Open a write transaction; commit at the end. On any error, closing rolls it back."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for reading only; statements see what is committed."""
        with closing(self._connect()) as connection:
            yield connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection
