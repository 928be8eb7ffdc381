"""Rows of SQL as lines of JSON that either database gives and takes, whatever the schema is.

A value is written by the kind of its column, so that a backup can be read without the models of
the release that made it. A column of JSON is kept as the text that the database has: parsing it
would turn the JSON null into no value at all, and could round numbers.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    cast,
    column,
    insert,
    select,
    table,
    text,
    type_coerce,
)
from sqlalchemy.types import BigInteger, TypeEngine

from app.db import ExactJson, UtcDateTime
from app.models import Base

PAGE = 1000
# The first that a type is an instance of; BigInteger is an Integer, Text a String.
KINDS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (
    (UtcDateTime, "time"),
    (Date, "date"),
    (LargeBinary, "bytes"),
    (ExactJson, "text"),
    (JSON, "json"),
    (Boolean, "boolean"),
    (Integer, "integer"),
    (String, "text"),
)
TYPES: Mapping[str, TypeEngine[Any]] = {
    "time": UtcDateTime(),
    "date": Date(),
    "bytes": LargeBinary(),
    "text": Text(),
    "json": Text(),
    "boolean": Boolean(),
    "integer": BigInteger(),
}


def _encode_bytes(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _encode_json(value: Any) -> str:
    """Return the text of a JSON value; SQLite gives a bare number back as a number."""
    return value if isinstance(value, str) else json.dumps(value)


ENCODERS: Mapping[str, Callable[[Any], Any]] = {
    "time": datetime.isoformat,
    "date": date.isoformat,
    "bytes": _encode_bytes,
    "json": _encode_json,
}
DECODERS: Mapping[str, Callable[[Any], Any]] = {
    "time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "bytes": lambda value: base64.b64decode(value, validate=True),
}


@dataclass(frozen=True)
class TableForm:
    """The name of a table, and the name and kind of each of its columns, in their order."""

    name: str
    columns: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, made: Table) -> TableForm:
        """Return the form of one table of the models."""
        return cls(made.name, tuple((item.name, kind_of(item)) for item in made.columns))

    @classmethod
    def from_dict(cls, form: Mapping[str, Any]) -> TableForm:
        """Read what ``to_dict`` gave."""
        return cls(form["name"], tuple((name, kind) for name, kind in form["columns"]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {"name": self.name, "columns": [list(item) for item in self.columns]}

    def decode(self, line: bytes) -> dict[str, Any]:
        """Read a line that ``read_lines`` gave.

        Raises:
            ValueError: it is not such a line.
        """
        values = json.loads(line)
        if not isinstance(values, list) or len(values) != len(self.columns):
            raise ValueError("it has not the columns of its table")
        return {
            name: None if value is None else DECODERS.get(kind, _same)(value)
            for (name, kind), value in zip(self.columns, values, strict=True)
        }


def _same(value: Any) -> Any:
    return value


def kind_of(item: Column[Any]) -> str:
    """Return the kind of a column.

    Raises:
        TypeError: there is none for its type yet.
    """
    for known, kind in KINDS:
        if isinstance(item.type, known):
            return kind
    found = type(item.type).__name__
    raise TypeError(f"{item.table.name}.{item.name}: a backup cannot hold a {found}")


def forms() -> list[TableForm]:
    """Return the form of every table, those that others refer to first."""
    return [TableForm.of(made) for made in Base.metadata.sorted_tables]


def read_lines(connection: Connection, form: TableForm) -> Iterator[bytes]:
    """Yield the rows of a table as lines, in the order of its primary key.

    Args:
        connection: with an open transaction, in which all tables are as of one moment.
        form: which table.
    """
    made = Base.metadata.tables[form.name]
    is_postgresql = connection.dialect.name == "postgresql"
    wanted: list[Any] = []
    for name, kind in form.columns:
        item = made.c[name]
        if kind == "json" and is_postgresql:
            wanted.append(cast(item, Text).label(name))
        elif kind in ("json", "text"):
            wanted.append(type_coerce(item, Text).label(name))
        else:
            wanted.append(item)
    encoders = [ENCODERS.get(kind, _same) for _, kind in form.columns]
    query = select(*wanted).order_by(*made.primary_key.columns)
    for row in connection.execute(query, execution_options={"yield_per": PAGE}):
        values = [
            None if value is None else encode(value)
            for encode, value in zip(encoders, row, strict=True)
        ]
        yield json.dumps(values, separators=(",", ":")).encode() + b"\n"


def add_rows(connection: Connection, form: TableForm, rows: Iterable[dict[str, Any]]) -> int:
    """Insert rows as ``TableForm.decode`` gives them; return how many."""
    made = table(form.name, *(column(name, TYPES[kind]) for name, kind in form.columns))
    is_postgresql = connection.dialect.name == "postgresql"
    values: dict[str, Any] = {}
    for name, kind in form.columns:
        value: Any = bindparam(f"new_{name}", type_=TYPES[kind])
        values[name] = cast(value, JSON) if kind == "json" and is_postgresql else value
    statement, count = insert(made).values(values), 0
    for page in _pages(rows):
        connection.execute(
            statement, [{f"new_{name}": value for name, value in row.items()} for row in page]
        )
        count += len(page)
    return count


def continue_numbers(connection: Connection, tables: Sequence[TableForm]) -> None:
    """Have numbers that the database gives go on after those that were inserted."""
    if connection.dialect.name != "postgresql":
        return  # SQLite takes the number after the highest one by itself
    for form in tables:
        for name, kind in form.columns:
            if kind != "integer":
                continue
            place = {"table": form.name, "column": name}
            sequence = connection.scalar(
                text("SELECT pg_get_serial_sequence(:table, :column)"), place
            )
            if sequence is None:
                continue
            made = table(form.name, column(name))
            highest = connection.scalar(select(made.c[name]).order_by(made.c[name].desc()).limit(1))
            if highest is not None:
                move = text("SELECT setval(CAST(:sequence AS regclass), :highest)")
                connection.execute(move, {"sequence": sequence, "highest": highest})


def _pages(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    page: list[dict[str, Any]] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
