"""Bring the database schema up to date with Alembic, once even when several processes start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from app.db import Database

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
POSTGRES_LOCK_ID = 0x6C616E64  # "land": any number that no other program uses in this database


def upgrade(database: Database) -> None:
    """Run all migrations that are missing, alone, in one transaction.

    SQLite's write lock or a PostgreSQL advisory lock keeps a second process waiting.
    """
    with database.engine.connect() as plain:
        connection = plain.execution_options(landform_write=True)
        with connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({POSTGRES_LOCK_ID})"))
            command.upgrade(_config(connection), "head")


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
