"""Rows survive as lines of JSON: every kind of column, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import JSON, insert, null, select

from app.db import Database
from app.models import Base, DriftDay, InstallationFact, OperationEvent, StackOutput
from app.services.backup.tables import TableForm, add_rows, continue_numbers, forms, read_lines
from app.services.context import Context
from app.services.installation.migrations import migrating, upgrade
from tests import postgresql
from tests.services.backup.conftest import MakeEmpty


def test_every_column_of_every_table_has_a_kind() -> None:
    assert {form.name for form in forms()} == set(Base.metadata.tables)


def test_a_table_comes_after_those_that_it_refers_to() -> None:
    seen: set[str] = set()
    for form in forms():
        seen.add(form.name)
        for key in Base.metadata.tables[form.name].foreign_keys:
            assert key.column.table.name in seen


def copy(source: Database, target: Database) -> None:
    """Copy all rows of one database into another, which has nothing but a schema."""
    with source.engine.connect() as reading, migrating(target) as writing:
        for form in reversed(forms()):
            writing.execute(Base.metadata.tables[form.name].delete())
        for form in forms():
            add_rows(writing, form, map(form.decode, read_lines(reading, form)))
        continue_numbers(writing, forms())


def lines(database: Database) -> dict[str, list[bytes]]:
    with database.engine.connect() as connection:
        return {form.name: list(read_lines(connection, form)) for form in forms()}


def fill_with_odd_values(ctx: Context, stack_id: str) -> None:
    with ctx.write() as session:
        event = {"operation_id": first_operation(ctx, stack_id), "at": datetime.now(UTC)}
        for data in (None, null(), {"big": 2**70, "text": "Zoë\u2028"}, [], "text", 1.5, True):
            values = {**event, "type": "log", "level": "info", "message": "x", "data": data}
            session.execute(insert(OperationEvent).values(values))
        for name, value in (("a", 12345678901234567890.123456789), ("b", None), ("c", "é")):
            session.add(
                StackOutput(stack_id=stack_id, name=name, value=value, updated_at=datetime.now(UTC))
            )
        row = {column.name: 0 for column in DriftDay.__table__.columns}
        project = ctx_project(session)
        session.execute(
            insert(DriftDay).values({**row, "project_id": project, "day": date(2026, 11, 30)})
        )


def ctx_project(session: Any) -> str:
    return str(session.scalar(select(Base.metadata.tables["projects"].c.id)))


def first_operation(ctx: Context, stack_id: str) -> str:
    operations = Base.metadata.tables["operations"]
    with ctx.read() as session:
        query = select(operations.c.id).where(operations.c.stack_id == stack_id)
        return str(session.scalar(query))


def test_a_copy_has_the_same_rows_to_the_last_byte(
    ctx: Context, stack: Any, make_empty: MakeEmpty
) -> None:
    fill_with_odd_values(ctx, stack.id)
    target = make_empty()
    target.settings.home_dir.mkdir()
    upgrade(target.db)
    copy(ctx.db, target.db)
    assert lines(target.db) == lines(ctx.db)


@pytest.mark.thorough
def test_rows_go_from_sqlite_to_postgresql_and_back(
    ctx: Context, stack: Any, make_empty: MakeEmpty, postgresql_server: postgresql.Server
) -> None:
    fill_with_odd_values(ctx, stack.id)
    name = postgresql_server.create_database()
    middle, back = Database(postgresql_server.url(name)), make_empty()
    back.settings.home_dir.mkdir()
    try:
        for database in (middle, back.db):
            upgrade(database)
        copy(ctx.db, middle)
        assert lines(middle) == lines(ctx.db)
        with middle.write() as session:  # numbers go on
            session.add(
                OperationEvent(
                    operation_id=first_operation(ctx, stack.id),
                    at=datetime.now(UTC),
                    type="log",
                    message="after",
                )
            )
        with middle.write() as session:
            session.execute(
                OperationEvent.__table__.delete().where(OperationEvent.message == "after")
            )
        copy(middle, back.db)
        assert lines(back.db) == lines(ctx.db)
    finally:
        middle.close()
        postgresql_server.drop_database(name)


@pytest.mark.parametrize("line", [b"[1]", b"{}", b"[", b'["a", "no base64!"]'])
def test_a_line_that_is_no_row_is_refused(line: bytes) -> None:
    form = TableForm("things", (("name", "text"), ("value", "bytes")))
    with pytest.raises(ValueError, match="."):
        form.decode(line)


def test_a_form_is_the_same_after_it_was_written() -> None:
    for form in forms():
        assert TableForm.from_dict(form.to_dict()) == form


def test_json_is_kept_as_the_database_has_it(ctx: Context) -> None:
    form = next(form for form in forms() if form.name == InstallationFact.__tablename__)
    assert isinstance(InstallationFact.__table__.c.value.type, JSON)
    with ctx.db.engine.connect() as connection:
        (line, *_) = read_lines(connection, form)
    assert isinstance(form.decode(line)["value"], str)
