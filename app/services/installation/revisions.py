"""The versions of the database schema: which this code has, and which a database has."""

from __future__ import annotations

from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


def scripts() -> ScriptDirectory:
    """Return the migrations of this code."""
    return ScriptDirectory(str(MIGRATIONS))


def newest_revision() -> str:
    """Return the revision of the schema that this code works with."""
    return str(scripts().get_current_head())


def knows_revision(revision: str) -> bool:
    """Tell whether this code has the migrations up to a revision; not of one newer than itself."""
    return any(script.revision == revision for script in scripts().walk_revisions())


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the schema of a database; None where there is none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
