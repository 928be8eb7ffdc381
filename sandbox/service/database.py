"""Owns the SQLite file, and how a connection and a transaction are opened.

Every writer takes `BEGIN IMMEDIATE`, so that two processes never read the same value and both
write it back (see facts.md: 500 of 600 updates were lost otherwise). Must not know the domain.
"""

from __future__ import annotations

import os
import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sandbox.service.tables import bring_up

BUSY_TIMEOUT_SECONDS = 10.0


class _Kept(NamedTuple):
    """An open connection, and which file (device and inode) was at the path before it opened."""

    file: tuple[int, int] | None
    connection: sqlite3.Connection


class Database:
    """The sandbox cloud's SQLite file. Connections stay open; each serves one caller at a time.

    Opening one costs ten times as much as reading a resource does.

    Parameters:
        path: the file; its folder is created (0700), the file itself is private to the user.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # By process: what a parent has opened may, after a fork, be neither used nor closed.
        self._idle: dict[int, deque[_Kept]] = {}

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
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading only; statements see what is committed."""
        idle = self._idle.setdefault(os.getpid(), deque())
        kept = self._take(idle)
        with ExitStack() as half:  # a transaction that is not ended must not be lent on
            half.callback(kept.connection.close)
            yield kept.connection
            half.pop_all()
        idle.append(kept)

    def _take(self, idle: deque[_Kept]) -> _Kept:
        """Return a connection to the file that lies at the path now: it may have been replaced."""
        file = self._identify()
        while idle:
            try:
                kept = idle.pop()
            except IndexError:  # another thread was faster
                break
            if file is not None and kept.file == file:
                return kept
            kept.connection.close()
        return _Kept(file, self._connect())

    def _identify(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,  # handed on from thread to thread, never shared
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection
