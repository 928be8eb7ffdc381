"""Everything in SQL that is sealed: under which key each value is, and a newer key for them.

The columns are found in the models (``LargeBinary``, by their name ``sealed_…``), so that a new
one cannot be forgotten. Values are only re-wrapped, never opened.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Column, LargeBinary, Table, func, select
from sqlalchemy.orm import Session

from app.crypto import MAX_HEAD_BYTES, KeyRing, SealedHead
from app.models import Base, IdempotencyRecord

SEALED_PREFIX = "sealed_"
SEALED_ANSWER = "sealed"
PAGE = 500

RowKey = tuple[object, ...]


@dataclass(frozen=True)
class SealedColumn:
    """One column of sealed values."""

    table: Table
    column: Column[bytes]

    @property
    def name(self) -> str:
        """What people call it: ``table.column``."""
        return f"{self.table.name}.{self.column.name}"

    def heads(self, session: Session) -> Iterator[tuple[RowKey, bytes]]:
        """Yield the key of each row with the first bytes of its value."""
        head = func.substr(self.column, 1, MAX_HEAD_BYTES, type_=LargeBinary)
        query = select(*self._key, head).where(self.column.is_not(None))
        for row in session.execute(query.execution_options(yield_per=PAGE)):
            yield tuple(row[:-1]), bytes(row[-1])

    def rewrap(self, session: Session, row_key: RowKey, keys: KeyRing) -> bool:
        """Have the newest key wrap one value, in the caller's writing transaction.

        Returns:
            Whether there was anything to do; a value that is gone meanwhile needs nothing.

        Raises:
            DecryptionError: no key of the ring opens it; it stays as it is.
        """
        where = [column == value for column, value in zip(self._key, row_key, strict=True)]
        locked = select(self.column).where(*where).with_for_update()
        sealed = session.execute(locked).scalar_one_or_none()
        if sealed is None or (head := keys.rewrap(sealed)) is None:
            return False
        body = bytes(sealed)[SealedHead.parse(sealed).size_bytes :]
        session.execute(self.table.update().where(*where).values({self.column: head + body}))
        return True

    @property
    def _key(self) -> tuple[Column[object], ...]:
        return tuple(self.table.primary_key.columns)


class KeptAnswers:
    """The sealed answers of ``idempotency_records``, which are base64 inside a JSON value."""

    name = f"{IdempotencyRecord.__tablename__}.body"

    def heads(self, session: Session) -> Iterator[tuple[RowKey, bytes]]:
        """See ``SealedColumn.heads``."""
        query = select(IdempotencyRecord).execution_options(yield_per=PAGE)
        for record in session.scalars(query):
            if SEALED_ANSWER in record.body:
                yield (record.principal, record.key), _decoded(record)[:MAX_HEAD_BYTES]

    def rewrap(self, session: Session, row_key: RowKey, keys: KeyRing) -> bool:
        """See ``SealedColumn.rewrap``."""
        record = session.get(IdempotencyRecord, row_key, with_for_update=True)
        if record is None or SEALED_ANSWER not in record.body:
            return False
        sealed = _decoded(record)
        if (head := keys.rewrap(sealed)) is None:
            return False
        body = sealed[SealedHead.parse(sealed).size_bytes :]
        record.body = {**record.body, SEALED_ANSWER: base64.b64encode(head + body).decode()}
        return True


SealedRows = SealedColumn | KeptAnswers


def sealed_rows() -> list[SealedRows]:
    """Return every place in SQL that holds sealed values."""
    columns: list[SealedRows] = [
        SealedColumn(table, column)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.startswith(SEALED_PREFIX)
    ]
    return [*columns, KeptAnswers()]


def _decoded(record: IdempotencyRecord) -> bytes:
    try:
        return base64.b64decode(record.body[SEALED_ANSWER], validate=True)
    except (ValueError, TypeError):
        return b""  # damaged; no key opens it, and its reader says so
