"""Alembic's environment: runs on the connection that it is handed.

Who hands it over is ``app.services.installation.migrations``.
"""

from alembic import context

from app.config.settings import Settings
from app.db import Database
from app.models import Base
from app.services.installation.migrations import migrating


def run() -> None:
    """Apply the migrations in one transaction each."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    with migrating(Database(Settings.from_env().database)) as own:
        _migrate(own)


def _migrate(connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
