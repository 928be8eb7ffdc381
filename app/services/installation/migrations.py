"""Bring the database schema up to date with Alembic, once even when several processes start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, text, update

from app.clock import utc_now
from app.db import Database
from app.errors import UnavailableError
from app.models import InstallationFact
from app.services.installation.revisions import MIGRATIONS, knows_revision, revision_of
from app.services.installation.schema_fit import SCHEMA, oldest_code_of, refuse_unfit

POSTGRES_LOCK_ID = 0x6C616E64  # "land": any number that no other program uses in this database
PREPARE_LOCK_ID = POSTGRES_LOCK_ID + 1


def upgrade(database: Database, revision: str = "head") -> None:
    """Run all migrations that are missing, alone, in one transaction.

    SQLite's write lock or a PostgreSQL advisory lock keeps a second process waiting.

    Args:
        database: to bring up to date.
        revision: where to stop; the newest by default.

    A database that a newer version has migrated stays as it is.

    Raises:
        UnavailableError: a row would refer to one that is gone; nothing was changed.
        ConfigurationError: a newer version has removed what this one needs.
    """
    with migrating(database) as connection:
        found = revision_of(connection)
        if found is None or knows_revision(found):
            upgrade_on(connection, revision)
        else:
            refuse_unfit(found, oldest_code_of(connection))


def upgrade_on(connection: Connection, revision: str = "head") -> None:
    """Run all migrations that are missing in a transaction that ``migrating`` has opened."""
    command.upgrade(_config(connection), revision)
    _note_oldest_code(connection)


def scripts() -> ScriptDirectory:
    """Return the migrations of this code."""
    return ScriptDirectory(str(MIGRATIONS))


def _note_oldest_code(connection: Connection) -> None:
    """Keep what code of a former version, which does not know these migrations, has to know."""
    now = revision_of(connection) or ""
    told = [
        script.module.oldest_code
        for script in scripts().walk_revisions()
        if script.revision <= now and hasattr(script.module, "oldest_code")
    ]
    if not told:
        return
    values = {"value": {"oldest_code": max(told)}, "updated_at": utc_now()}
    done = connection.execute(
        update(InstallationFact).where(InstallationFact.name == SCHEMA).values(**values)
    )
    if not done.rowcount:
        connection.execute(insert(InstallationFact).values(name=SCHEMA, **values))


@contextmanager
def migrating(database: Database) -> Iterator[Connection]:
    """Open the transaction in which migrations run, alone; commit at its end.

    SQLite changes some columns only by making the table anew, and dropping the former one with
    foreign keys on deletes its rows, with those that refer to them, or fails. They are off
    meanwhile (https://www.sqlite.org/lang_altertable.html#otheralter) and checked at the end.

    Raises:
        UnavailableError: a row would refer to one that is gone; nothing was changed.
    """
    with database.engine.connect() as plain:
        connection = plain.execution_options(landform_write=True)
        is_sqlite = connection.dialect.name == "sqlite"
        _have_foreign_keys(connection, is_sqlite, is_on=False)
        try:
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({POSTGRES_LOCK_ID})"))
                yield connection
                if is_sqlite:
                    _check_foreign_keys(connection)
        finally:
            _have_foreign_keys(connection, is_sqlite, is_on=True)


@contextmanager
def alone(database: Database) -> Iterator[None]:
    """Keep other hosts from preparing the same database meanwhile.

    The lock is that of a transaction, which a pooler in transaction mode keeps, too. SQLite serves
    one host, whose home only one supervisor holds.
    """
    if not database.is_shared:
        yield
        return
    with database.engine.connect() as connection, connection.begin():
        # A migration of a large database takes longer than a transaction may idle elsewhere.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({PREPARE_LOCK_ID})"))
        yield


def _have_foreign_keys(connection: Connection, is_sqlite: bool, *, is_on: bool) -> None:
    """Turn them on or off; SQLite does so outside of transactions only, without a word inside."""
    if is_sqlite:
        cursor = connection.connection.cursor()
        cursor.execute(f"PRAGMA foreign_keys={'ON' if is_on else 'OFF'}")
        cursor.close()


def _check_foreign_keys(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        tables = ", ".join(sorted({f"{row[0]} of {row[2]}" for row in broken}))
        raise UnavailableError(
            f"{len(broken)} rows of the database refer to rows that are not there ({tables}), so "
            "it was left at its former version.",
            advice="Restore a backup of the database, or correct these rows, and start again.",
        )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
