"""The migrations make exactly the schema of the models, once, however many processes run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from app.db import Database
from app.models import Base
from app.services.migrations import upgrade
from app.settings import REPOSITORY_ROOT
from tests.conftest import MakeSettings
from tests.postgresql import Server

UPGRADE = (
    "import sys; from app.db import Database; from app.services.migrations import upgrade; "
    "database = Database(sys.argv[1]); sys.stdin.read(1); upgrade(database); database.close()"
)


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, make_settings: MakeSettings) -> Iterator[str]:
    """URL of a database without any table."""
    if request.config.getoption("--database") == "sqlite":
        settings = make_settings()
        settings.home_dir.mkdir(parents=True)
        yield settings.database
        return
    server: Server = request.getfixturevalue("postgresql_server")
    name = server.create_database("template0")
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    database = Database(empty_url)
    yield database
    database.close()


def differences(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def partial_indexes(database: Database) -> dict[str, bool]:
    """Return each index of the models that has a condition, and whether the database has it."""
    found = {}
    with database.engine.connect() as connection:
        dialect = connection.dialect.name
        inspector = inspect(connection)
        for table in Base.metadata.tables.values():
            present = {item["name"]: item for item in inspector.get_indexes(table.name)}
            for index in table.indexes:
                if index.dialect_options[dialect]["where"] is not None:
                    options = present[str(index.name)].get("dialect_options", {})
                    found[str(index.name)] = bool(options.get(f"{dialect}_where") is not None)
    return found


def test_the_migrations_make_the_schema_of_the_models(database: Database) -> None:
    assert differences(database), "an empty database differs, so the comparison sees something"
    upgrade(database)
    assert differences(database) == []


def test_the_conditions_of_unique_indexes_are_in_the_database(database: Database) -> None:
    upgrade(database)
    assert partial_indexes(database) == {
        "uq_operations_stack_id_active": True,
        "uq_stacks_project_id_name_alive": True,
    }


def test_an_upgrade_that_has_nothing_to_do_changes_nothing(database: Database) -> None:
    upgrade(database)
    upgrade(database)
    assert differences(database) == []


def test_processes_that_upgrade_at_once_wait_for_each_other(
    database: Database, empty_url: str
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", UPGRADE, empty_url],
            cwd=REPOSITORY_ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], errors
    assert differences(database) == []
