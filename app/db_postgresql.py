"""How connections to PostgreSQL are made, and what stands between or behind them.

A pooler may give each transaction another server process; a replica takes no changes.
"""

from __future__ import annotations

import select
import time
from typing import Any

from sqlalchemy import Engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_SINCE = "landform_idle_since"
TRUSTED_SECONDS = 0.5
"""How long after its last use a connection on which nothing has arrived is taken to be alive."""

# A server that is cut off must be noticed in seconds, not after the kernel's quarter of an hour
# (https://www.postgresql.org/docs/current/libpq-connect.html).
PROMPT_CONNECTION: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}

# A host that is cut off in the middle of a transaction must not keep its rows locked for longer
# than its leases last (https://www.postgresql.org/docs/current/runtime-config-client.html).
SESSION_OPTIONS = {
    "idle_in_transaction_session_timeout": 45_000,
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 3,
}


def takes_changes(session: Session) -> bool:
    """Tell whether the database takes changes; a replica of PostgreSQL only answers questions."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    query = "SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool"
    return not session.execute(text(query)).scalar_one()


def connection_arguments(url: str) -> dict[str, Any]:
    """Return how to connect to PostgreSQL; session options in the URL stand for ours."""
    if "options" in make_url(url).query:
        return PROMPT_CONNECTION
    options = " ".join(f"-c {name}={value}" for name, value in SESSION_OPTIONS.items())
    return {**PROMPT_CONNECTION, "options": options}


def notice_pooler(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    """Prepare no statement where a pooler may give each transaction another server process.

    PgBouncer greets with a number that is not that of the process
    (https://www.pgbouncer.org/features.html: prepared statements of a session).
    """
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    (number,) = cursor.fetchone() or (None,)
    cursor.close()
    connection.rollback()
    driver: Any = connection
    if number != driver.info.backend_pid:
        driver.prepare_threshold = None


def ask_after_idling(engine: Engine) -> None:
    """Ask a pooled connection whether it still works before it is used, where that is not known.

    SQLAlchemy's own ``pool_pre_ping`` asks before every transaction, one question more for each.
    A server that has closed a connection has sent something on it, so one that was used a moment
    ago and on which nothing has arrived needs no question.
    """

    def note(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info[IDLE_SINCE] = time.monotonic()

    def ask(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: Any) -> None:
        idle_since = record.info.get(IDLE_SINCE)
        if idle_since is None:
            return
        is_fresh = time.monotonic() - idle_since < TRUSTED_SECONDS
        try:
            if not (is_fresh and _is_quiet(connection)):
                engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # All that are older go with it, and the pool connects anew.
            raise InvalidatePoolError from error

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", ask)


def _is_quiet(connection: Any) -> bool:
    """Tell whether nothing has arrived on a connection that nobody waits for; asks no server."""
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
