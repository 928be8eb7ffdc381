"""The versions of the database schema: which this code has, and which a database has.

Every process asks at its start, so the names of the files must do: Alembic would be loaded for it.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
DIGITS = 4
"""Every migration is in a file whose name begins with its revision."""


def newest_revision() -> str:
    """Return the revision of the schema that this code works with."""
    return max(_revisions())


def knows_revision(revision: str) -> bool:
    """Tell whether this code has the migrations up to a revision; not of one newer than itself."""
    return revision in _revisions()


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the schema of a database; None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def _revisions() -> set[str]:
    return {path.name[:DIGITS] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}
