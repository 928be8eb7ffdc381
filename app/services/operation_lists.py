"""Short lists of operations for pages: what runs, what waits for a person, what came last."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.operations import FINAL, OperationStatus
from app.models import Operation, Stack
from app.services.access import Principal, visible

UNFINISHED = frozenset(OperationStatus) - FINAL
FAILED = (OperationStatus.ERRORED, OperationStatus.INTERRUPTED)


def waiting_for_approval(session: Session, principal: Principal, limit: int) -> Sequence[Operation]:
    """Return operations whose plan a person has to approve or discard, oldest first."""
    query = (
        select(Operation)
        .join(Stack)
        .where(
            visible(principal, Stack.project_id),
            Operation.status == OperationStatus.PLANNED,
            Operation.approved_at.is_(None),
        )
    )
    return session.scalars(query.order_by(Operation.id).limit(limit)).unique().all()


def with_status(
    session: Session,
    principal: Principal,
    statuses: Collection[OperationStatus],
    limit: int,
) -> Sequence[Operation]:
    """Return the newest operations whose status is one of ``statuses``.

    One query a status walks the index (status, id) from its end; a single one over several
    statuses would sort every operation there ever was.
    """
    found: list[Operation] = []
    for status in sorted(statuses):
        query = (
            select(Operation)
            .join(Stack)
            .where(visible(principal, Stack.project_id), Operation.status == status)
        )
        found += session.scalars(query.order_by(Operation.id.desc()).limit(limit)).unique()
    return sorted(found, key=lambda operation: operation.id, reverse=True)[:limit]


def count_with_status(
    session: Session, principal: Principal, statuses: Collection[OperationStatus]
) -> dict[str, int]:
    """Count operations that the caller can see, by those of ``statuses`` that occur."""
    query = (
        select(Operation.status, func.count())
        .join(Stack)
        .where(visible(principal, Stack.project_id), Operation.status.in_(sorted(statuses)))
        .group_by(Operation.status)
    )
    return {str(status): count for status, count in session.execute(query)}


def latest_by_stack(session: Session, stack_ids: Collection[str]) -> dict[str, Operation]:
    """Return the last operation that was asked for on each stack, by stack id."""
    newest = (
        select(func.max(Operation.id))
        .where(Operation.stack_id.in_(list(stack_ids)))
        .group_by(Operation.stack_id)
    )
    rows = session.scalars(select(Operation).where(Operation.id.in_(newest))).unique()
    return {row.stack_id: row for row in rows}


def unfinished_of(session: Session, stack_id: str) -> Sequence[Operation]:
    """Return the operations of a stack that have not ended, in the order in which they run."""
    query = select(Operation).where(
        Operation.stack_id == stack_id, Operation.status.in_(sorted(UNFINISHED))
    )
    return session.scalars(query.order_by(Operation.id)).unique().all()


def last_failed_of(session: Session, stack_id: str) -> Operation | None:
    """Return the last operation of a stack that failed or was cut off, unless that was resolved."""
    query = select(Operation).where(
        Operation.stack_id == stack_id, Operation.status.in_(sorted(FAILED))
    )
    found = session.scalars(query.order_by(Operation.id.desc()).limit(1)).unique().first()
    return found if found is not None and found.resolution is None else None


def types_of(session: Session, operation_ids: Collection[str]) -> dict[str, str]:
    """Return the type of each operation by its id."""
    query = select(Operation.id, Operation.type).where(Operation.id.in_(sorted(operation_ids)))
    return {row.id: row.type for row in session.execute(query)}
