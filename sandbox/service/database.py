"""Owns the SQLite file: its tables, and how a connection and a transaction are opened.

Every writer takes `BEGIN IMMEDIATE`, so that two processes never read the same value and both
write it back (see facts.md: 500 of 600 updates were lost otherwise). Must not know the domain.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_TIMEOUT_SECONDS = 10.0

_TABLES = """
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    token_sha256 TEXT NOT NULL UNIQUE,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS faults (
    account_id INTEGER PRIMARY KEY REFERENCES accounts (id),
    create_delay_seconds REAL NOT NULL,
    read_delay_seconds REAL NOT NULL,
    failure_rate REAL NOT NULL,
    quota INTEGER,
    seed INTEGER,
    draws INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS resources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    type TEXT NOT NULL,
    attributes TEXT NOT NULL,
    tags TEXT NOT NULL,
    created_at REAL NOT NULL,
    available_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS resources_by_account ON resources (account_id, type, seq);
"""


class Database:
    """The sandbox cloud's SQLite file. One connection per transaction: cheap, and safe in threads.

    Parameters:
        path: the file; its folder is created (0700), the file itself is private to the user.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def create_tables(self) -> None:
        """Make the file and its tables unless they exist. Safe when several processes do it."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        with closing(self._connect()) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)

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
