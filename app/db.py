"""The database engine and sessions: one engine a process, one session a transaction.

SQLite is set up for several writing processes (WAL, ``BEGIN IMMEDIATE`` for writers, a busy
time-out, foreign keys): its defaults lose concurrent updates without an error.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Engine, TypeDecorator, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_TIMEOUT_MS = 15_000
WAL_RETRY_SECONDS = 0.02


class UtcDateTime(TypeDecorator[datetime]):
    """A time that is aware and UTC on the way in and on the way out, on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was about to be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the stored UTC time back as an aware one."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """The engine of one process and the two kinds of transactions made on it."""

    def __init__(self, url: str) -> None:
        """Make the engine for ``url``; connects lazily, so it may be built before a fork."""
        self.engine: Engine = _create_engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing transaction: commit at the end, roll back on any error."""
        with self._sessions() as session, session.begin():
            session.connection(execution_options={"landform_write": True})
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a reading transaction; whatever it changes is rolled back."""
        with self._sessions() as session:
            yield session

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()

    def forget_connections(self) -> None:
        """Drop inherited connections after a fork, without closing the parent's."""
        self.engine.dispose(close=False)


def _create_engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url, pool_pre_ping=True, pool_size=10, max_overflow=40, hide_parameters=True
        )
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy emits BEGIN itself
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    _switch_to_wal(cursor)
    cursor.close()


def _switch_to_wal(cursor: Any) -> None:
    """Turn the write-ahead log on; processes that start at once do it one after another.

    SQLite does not wait for its busy time-out here: it answers "locked" at once.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(WAL_RETRY_SECONDS)


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get("landform_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
