"""Whether an operation has moved: a mark for each that differs as soon as something happened to it.

Made for many who watch many operations: one query, by keys only, that reads no document.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session

from app.models import Operation, OperationEvent, OperationStep

Mark = tuple[Any, ...]


def read_marks(session: Session, operation_ids: Collection[str]) -> dict[str, Mark]:
    """Return the mark of each of the operations that exist, by id."""
    query = select(
        Operation.id,
        Operation.status,
        Operation.attempt,
        Operation.approved_at,
        Operation.cancel_requested_at,
        Operation.force_requested_at,
        Operation.orphans_searched_at,
        _of_rows(OperationEvent, func.max(OperationEvent.id)),
        _of_rows(OperationStep, func.max(OperationStep.id)),
        _of_rows(OperationStep, func.count(OperationStep.ended_at)),
    ).where(Operation.id.in_(operation_ids))
    return {row[0]: tuple(row) for row in session.execute(query)}


def _of_rows(model: type[OperationEvent | OperationStep], figure: Any) -> ScalarSelect[Any]:
    query = select(figure).where(model.operation_id == Operation.id)
    return query.correlate(Operation).scalar_subquery()
