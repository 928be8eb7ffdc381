"""The database engine and sessions: one engine a process, one session a transaction.

SQLite is set up for several writing processes (WAL, ``BEGIN IMMEDIATE`` for writers, a busy
time-out, foreign keys): its defaults lose concurrent updates without an error.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import DateTime, Engine, Text, TypeDecorator, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection, Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import ORMExecuteState, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from app import exact_json
from app.clock import utc_now
from app.db_outages import CommitWatch, is_outage, outlast
from app.db_postgresql import ask_after_idling, connection_arguments, notice_pooler
from app.plain_text import storable
from app.sqlite_wal import missing_bytes

BUSY_TIMEOUT_MS = 15_000
WAL_RETRY_SECONDS = 0.02

READS = "reads"
"""Marks a session whose transaction only reads."""

T = TypeVar("T")


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


class ExactJson(TypeDecorator[Any]):
    """A JSON value of any form as text: SQLite rounds a bare number in a column of type JSON."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Write it; None is the JSON null."""
        return exact_json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read it."""
        return None if value is None else exact_json.loads(value)


def database_now(session: Session) -> datetime:
    """Return the time by the database's clock, by which several machines can compare deadlines.

    SQLite has the clock of the one machine that it serves.
    """
    if session.get_bind().dialect.name == "postgresql":
        now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now.astimezone(UTC)
    return utc_now()


@event.listens_for(Session, "do_orm_execute")
def _lock_nothing_to_read(state: ORMExecuteState) -> None:
    """Read without locks in a transaction that only reads: PostgreSQL refuses them there.

    Who looks something up for a change may do so once before the transaction of the change.
    """
    statement: Any = state.statement
    if READS in state.session.info and getattr(statement, "_for_update_arg", None) is not None:
        unlocked = statement._generate()  # noqa: SLF001  SQLAlchemy has no way to take a lock back
        unlocked._for_update_arg = None  # noqa: SLF001  as above
        state.statement = unlocked


class Database:
    """The engine of one process and the kinds of transactions made on it."""

    def __init__(self, url: str, patience_seconds: float = 0.0) -> None:
        """Make the engine for ``url``; connects lazily, so it may be built before a fork.

        Args:
            url: of SQLAlchemy.
            patience_seconds: how long a transaction waits for a database that is away before it
                begins. Nothing by default: a person who waits for an answer is told.
        """
        self.engine: Engine = _create_engine(url)
        self.patience_seconds = patience_seconds
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._is_postgresql = self.engine.dialect.name == "postgresql"

    @property
    def is_shared(self) -> bool:
        """Whether several hosts may use it, so that each must prove to the others that it lives.

        SQLite's write-ahead log is shared memory: it serves the processes of one machine.
        """
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a writing transaction: commit at the end, roll back on any error."""
        with outlast(lambda: self._begin(is_write=True), self.patience_seconds) as session:
            yield session
            session.commit()

    @contextmanager
    def rehearse(self) -> Iterator[Session]:
        """Open a writing transaction whose changes are rolled back at its end."""
        with outlast(lambda: self._begin(is_write=True), self.patience_seconds) as session:
            yield session

    @contextmanager
    def read(self, patience_seconds: float | None = None) -> Iterator[Session]:
        """Open a reading transaction: SQLite rolls back what it changes, PostgreSQL refuses it.

        On PostgreSQL it ends in a commit, because psycopg forgets its prepared statements at a
        rollback and each of the next ones would be planned anew. The database itself holds that
        there is nothing to commit (``BEGIN READ ONLY``).

        Args:
            patience_seconds: how long to wait for a database that is away; the patience of this
                process by default.
        """
        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        with outlast(lambda: self._begin(is_write=False), patience) as session:
            yield session
            self._end_reading(session)

    def ask(self, question: Callable[[Session], T]) -> T:
        """Return what ``question`` reads in a transaction that outlasts a database outage.

        Args:
            question: is called again, with another session, when its connection breaks.

        Raises:
            DBAPIError: the database refused, or was away for longer than this process waits.
        """

        def attempt() -> T:
            with self._begin(is_write=False) as session:
                answer = question(session)
                self._end_reading(session)
                return answer

        return outlast(attempt, self.patience_seconds)

    def _end_reading(self, session: Session) -> None:
        """End a reading transaction; a connection that breaks now has given its answers already."""
        if not self._is_postgresql:
            return
        session.expunge_all()  # a commit would flush what was changed in memory
        try:
            session.commit()
        except DBAPIError as error:
            if not is_outage(error):
                raise

    def persist(self, work: Callable[[Session], T], patience_seconds: float | None = None) -> T:
        """Do ``work`` in a writing transaction that outlasts a database which goes away.

        Args:
            work: is called again, with another session, when its transaction was lost. What it
                does beside SQL must be right to do twice.
            patience_seconds: how long to try; the patience of this process by default.

        Returns:
            What ``work`` returned in the transaction that was committed, once.

        Raises:
            DBAPIError: the database refused, or was away for longer.
        """
        watch = CommitWatch(self.engine)
        results: list[T] = []

        def attempt() -> T:
            if watch.was_committed():
                return results[-1]
            with self._begin(is_write=True) as session:
                results.append(work(session))
                session.flush()
                watch.note(session)
                session.commit()
            return results[-1]

        patience = self.patience_seconds if patience_seconds is None else patience_seconds
        return outlast(attempt, patience)

    def _begin(self, *, is_write: bool) -> Session:
        """Return a session whose transaction has begun on a connection that answers."""
        session, options = self._sessions(), {"landform_write": is_write}
        if not is_write:
            session.info[READS] = True
        if self._is_postgresql and not is_write:
            options["postgresql_readonly"] = True
        try:
            connection = session.connection(execution_options=options)
            if self._is_postgresql and is_write:
                # BEGIN READ WRITE would be refused by a replica as "not supported", like a mistake.
                driver: Any = connection.connection.driver_connection
                driver.read_only = None
        except DBAPIError:
            session.close()
            raise
        return session

    def missing_log_bytes(self) -> int:
        """Return how much of SQLite's write-ahead log is gone; 0 is as it should be."""
        file = self.engine.url.database
        is_file = self.engine.dialect.name == "sqlite" and file not in (None, "", ":memory:")
        return missing_bytes(Path(str(file))) if is_file else 0

    def close(self) -> None:
        """Close all connections that are not in use."""
        self.engine.dispose()

    def forget_connections(self) -> None:
        """Drop inherited connections after a fork, without closing the parent's."""
        self.engine.dispose(close=False)


def _create_engine(url: str) -> Engine:
    common: dict[str, Any] = {
        "hide_parameters": True,
        "json_serializer": exact_json.dumps,
        "json_deserializer": exact_json.loads,
    }
    if not url.startswith("sqlite"):
        engine = create_engine(
            url,
            pool_size=10,
            max_overflow=40,
            connect_args=connection_arguments(url),
            **common,
        )
        event.listen(engine, "before_cursor_execute", _clean_texts, retval=True)
        event.listen(engine, "connect", notice_pooler)
        ask_after_idling(engine)
        return engine
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, **common)
    event.listen(engine, "before_cursor_execute", _clean_texts, retval=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _clean_texts(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """Have no text reach a database that one of them refuses, whoever forgot to look at it."""
    return statement, _storable(parameters)


def _storable(parameters: Any) -> Any:
    if isinstance(parameters, str):
        return storable(parameters)
    if isinstance(parameters, dict):
        return {name: _storable(value) for name, value in parameters.items()}
    if type(parameters) in (list, tuple):
        return type(parameters)(map(_storable, parameters))
    return parameters


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
