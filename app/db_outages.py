"""Tells a database that is away for a while from one that refuses a statement, and waits for it.

A database that restarts, fails over or is locked by a long writer comes back. What was asked of
it has to be asked again, exactly once: a connection that breaks during a commit does not say
whether the commit was made, so PostgreSQL is asked by the number of the transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app.logs import get_logger

T = TypeVar("T")

PAUSE_SECONDS = 0.25
# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html: connection
# trouble, a server that stops, starts or has no place, a standby that is not promoted yet,
# transactions that lost against others or were idle for too long.
POSTGRESQL_CODES = ("08", "57P01", "57P02", "57P03", "53300", "25006", "40001", "40P01", "25P03")
IN_THE_FUTURE = "22023"
"""What ``pg_xact_status`` says to the number of a transaction that nobody has had."""

SQLITE_WORDS = ("database is locked", "database table is locked")

log = get_logger(__name__)


def is_outage(error: DBAPIError) -> bool:
    """Tell whether the same statement may succeed later, without anybody changing it."""
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    code = getattr(error.orig, "sqlstate", None)
    if code is not None:
        return str(code).startswith(POSTGRESQL_CODES)
    if not isinstance(error, OperationalError):
        return False
    words = str(error.orig)
    # psycopg has no code for a server that does not answer at all.
    is_sqlite = "sqlite" in type(error.orig).__module__
    return any(word in words for word in SQLITE_WORDS) if is_sqlite else True


def outlast(attempt: Callable[[], T], patience_seconds: float) -> T:
    """Return what ``attempt`` returns, trying again while the database is away.

    Args:
        attempt: does its work in one transaction of its own, or not at all.
        patience_seconds: after so long the error goes on to the caller.

    Raises:
        DBAPIError: the database refused, or was away for longer.
    """
    began, attempts = time.monotonic(), 0
    while True:
        try:
            result = attempt()
        except DBAPIError as error:
            if not is_outage(error) or time.monotonic() - began >= patience_seconds:
                raise
            if not attempts:
                log.warning("database_away", error=str(error.orig))
        else:
            if attempts:
                log.info("database_back", after_seconds=round(time.monotonic() - began, 1))
            return result
        attempts += 1
        time.sleep(PAUSE_SECONDS)


class CommitWatch:
    """Learns, after a connection broke during a commit, whether the commit was made."""

    def __init__(self, engine: Engine) -> None:
        """Watch the attempts at one piece of work on ``engine``."""
        self._engine = engine
        self._number: str | None = None

    def note(self, session: Session) -> None:
        """Note the transaction of ``session``; call it when all but the commit is done."""
        if self._engine.dialect.name == "postgresql":
            query = text("SELECT pg_current_xact_id_if_assigned()::text")
            self._number = session.execute(query).scalar_one()

    def was_committed(self) -> bool:
        """Tell whether the noted transaction was committed although its connection broke.

        SQLite has no connection that could break: what it did not confirm, it did not do.

        Raises:
            DBAPIError: the database is away, or still at that commit; ask again.
        """
        if self._number is None:
            return False
        query = text("SELECT pg_xact_status(CAST(CAST(:number AS text) AS xid8))")
        try:
            with self._engine.connect() as connection:
                status = connection.execute(query, {"number": self._number}).scalar()
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != IN_THE_FUTURE:
                raise
            status = None  # a server that crashed has given that number to nobody yet
        if status == "in progress":
            raise OperationalError("the commit is still in progress", None, RuntimeError(status))
        self._number = None
        return bool(status == "committed")
