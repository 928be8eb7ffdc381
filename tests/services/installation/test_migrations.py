"""The migrations make exactly the schema of the models, once, however many processes run them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, MetaData, Table, insert, inspect, select
from sqlalchemy.types import TypeEngine

from app.config.settings import REPOSITORY_ROOT
from app.db import Database
from app.errors import UnavailableError
from app.models import Base
from app.services.installation.migrations import upgrade
from app.services.installation.revisions import MIGRATIONS
from tests.conftest import MakeSettings
from tests.postgresql import Server

REVISIONS = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][1:]
# The newest, that of the former version, the first; `make test-thorough` does the others, too.
QUICK = {REVISIONS[0], "0016", REVISIONS[-1]}
UPGRADE = (
    "import sys; from app.db import Database; "
    "from app.services.installation.migrations import upgrade; "
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
        "ix_operations_stack_id_unresolved": True,
        "ix_stacks_standing": True,
        "uq_operations_stack_id_active": True,
        "uq_stacks_project_id_name_alive": True,
    }


def test_an_upgrade_that_has_nothing_to_do_changes_nothing(database: Database) -> None:
    upgrade(database)
    upgrade(database)
    assert differences(database) == []


def one_row_of(table: Table, rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return values for every column of ``table``, which refer to the rows of other tables."""
    values: dict[str, Any] = {}
    for column in table.columns:
        for key in column.foreign_keys:
            parent = rows.get(key.column.table.name)
            values[column.name] = parent and parent[key.column.name]
        if column.name not in values:
            values[column.name] = example_of(column.type, f"{table.name}-{column.name}")
    return values


def example_of(kind: TypeEngine[Any], name: str) -> Any:
    """Return some value of a column's type."""
    if isinstance(kind, JSON):
        return {}
    now = datetime.now(UTC)
    values = {bool: True, int: 1, float: 1.0, bytes: b"x", datetime: now, date: now.date()}
    return values.get(kind.python_type, name[: getattr(kind, "length", None) or 40])


def rows_in(database: Database, names: Iterable[str]) -> dict[str, int]:
    with database.engine.connect() as connection:
        return {
            name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            for name in names
        }


@pytest.mark.parametrize(
    "revision",
    [
        pytest.param(revision, marks=() if revision in QUICK else pytest.mark.thorough)
        for revision in REVISIONS
    ],
)
def test_an_installation_of_any_version_upgrades_with_all_its_rows(
    database: Database, revision: str
) -> None:
    upgrade(database, revision)
    former = MetaData()
    former.reflect(database.engine)
    rows: dict[str, dict[str, Any]] = {}
    with database.engine.begin() as connection:
        for table in former.sorted_tables:
            made = connection.execute(select(table)).mappings().first()
            if made is None:
                made = one_row_of(table, rows)
                connection.execute(insert(table), made)
            rows[table.name] = dict(made)
    before = rows_in(database, rows)
    upgrade(database)
    after = rows_in(database, rows)
    assert {name for name, count in before.items() if after[name] < count} == set()
    assert differences(database) == []
    if database.engine.dialect.name == "sqlite":
        with database.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall() == []
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_a_row_that_refers_to_nothing_stops_an_upgrade_in_words(
    database: Database,
) -> None:
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has no such rows")
    upgrade(database, "0016")
    with closing(sqlite3.connect(str(database.engine.url.database))) as stray, stray:
        stray.execute(
            "INSERT INTO project_members (project_id, user_id, role) "
            "VALUES ('prj_x', 'usr_x', 'viewer')"
        )
    with pytest.raises(UnavailableError, match="project_members of"):
        upgrade(database)
    with database.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM alembic_version").scalar() == "0016"


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
