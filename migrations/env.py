"""Alembic's environment: runs on the connection that ``app.services.setup`` hands over."""

from alembic import context

from app.db import Database
from app.models import Base
from app.settings import Settings


def run() -> None:
    """Apply the migrations in one transaction each."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    database = Database(Settings.from_env().database)
    with database.engine.connect() as own:
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
