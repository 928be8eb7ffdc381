"""Short lists of operations for pages: what runs, what awaits approval, the last ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, True_, func, or_, select, union_all
from sqlalchemy.orm import Session, joinedload, lazyload

from app.domain.operation_registry import operation_facts
from app.domain.operations import FINAL, OperationStatus
from app.domain.plain_words import in_words
from app.errors import NotFoundError
from app.models import (
    Operation,
    OperationEvent,
    Project,
    Stack,
    StoredPlan,
)
from app.services.access import SYSTEM_PRINCIPAL, Principal, visible
from app.services.context import Context
from app.services.lookup import fits, is_between, is_project, operation_by_id
from app.services.paging import Page, PageRequest, fetch_page
from app.services.secrets import open_plan

Chosen = TypeVar("Chosen", bound=tuple[Any, ...])
# What a row of a list shows is on the operation, but for name and kind of its stack.
AS_ROWS = (lazyload(Operation.steps), joinedload(Operation.stack).options(lazyload("*")))
UNFINISHED = frozenset(OperationStatus) - FINAL
CHECKS = sorted(name for name, facts in operation_facts().items() if facts.checks_drift)
IS_SCHEDULED = Operation.type.in_(CHECKS) & (Operation.requested_by == SYSTEM_PRINCIPAL.name)
"""A drift check that nobody asked for."""

FAILED = (OperationStatus.ERRORED, OperationStatus.INTERRUPTED)


def seen_operations(query: Select[Chosen], principal: Principal) -> Select[Chosen]:
    """Narrow a query of operations to those that the caller can see.

    Stacks are joined only where the caller does not see all of them.
    """
    is_seen = visible(principal, Stack.project_id)
    return query if isinstance(is_seen, True_) else query.join(Stack).where(is_seen)


def with_status(
    session: Session,
    principal: Principal,
    statuses: Collection[OperationStatus],
    limit: int,
) -> Sequence[Operation]:
    """Return the newest operations whose status is one of ``statuses``, but no scheduled check.

    The ids of each status are found by walking the index (status, id) from its end; one walk over
    several statuses would sort every operation there ever was.
    """
    newest = [
        seen_operations(select(Operation.id), principal)
        .where(Operation.status == status, ~IS_SCHEDULED)
        .order_by(Operation.id.desc())
        .limit(limit)
        .subquery()
        for status in sorted(statuses)
    ]
    found = union_all(*(select(of_status.c.id) for of_status in newest))
    query = select(Operation).where(Operation.id.in_(found)).order_by(Operation.id.desc())
    return session.scalars(query.limit(limit).options(*AS_ROWS)).all()


def count_with_status(
    session: Session, principal: Principal, statuses: Collection[OperationStatus]
) -> dict[str, int]:
    """Count operations that the caller can see, by those of ``statuses`` that occur.

    Scheduled checks are left out.
    """
    query = seen_operations(select(Operation.status, func.count()), principal)
    query = query.where(Operation.status.in_(sorted(statuses)), ~IS_SCHEDULED)
    query = query.group_by(Operation.status)
    return {str(status): count for status, count in session.execute(query)}


def latest_by_stack(session: Session, stack_ids: Collection[str]) -> dict[str, Operation]:
    """Return the last operation that somebody asked for on each stack, by stack id."""
    return _newest_by_stack(session, stack_ids, ~IS_SCHEDULED)


def failed_by_stack(session: Session, stack_ids: Collection[str]) -> dict[str, Operation]:
    """Return the last operation of each stack that failed or was cut off, by stack id."""
    return _newest_by_stack(session, stack_ids, Operation.status.in_(FAILED))


def _newest_by_stack(
    session: Session, stack_ids: Collection[str], condition: ColumnElement[bool]
) -> dict[str, Operation]:
    newest = (
        select(func.max(Operation.id))
        .where(Operation.stack_id.in_(list(stack_ids)), condition)
        .group_by(Operation.stack_id)
    )
    rows = session.scalars(select(Operation).where(Operation.id.in_(newest)).options(*AS_ROWS))
    return {row.stack_id: row for row in rows}


def operations_by_ids(
    session: Session, principal: Principal, operation_ids: Collection[str]
) -> Sequence[Operation]:
    """Return those of the operations that the caller can see, oldest first."""
    query = (
        select(Operation)
        .join(Stack)
        .where(visible(principal, Stack.project_id), Operation.id.in_(list(operation_ids)))
    )
    return session.scalars(query.order_by(Operation.id).options(*AS_ROWS)).all()


def first_unfinished(session: Session, stack_ids: Collection[str]) -> dict[str, Operation]:
    """Return the operation of each stack whose turn it is, by stack id; none where all ended."""
    if not stack_ids:
        return {}
    oldest = (
        select(func.min(Operation.id))
        .where(Operation.stack_id.in_(list(stack_ids)), Operation.status.in_(sorted(UNFINISHED)))
        .group_by(Operation.stack_id)
    )
    rows = session.scalars(select(Operation).where(Operation.id.in_(oldest)).options(*AS_ROWS))
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


@dataclass(frozen=True)
class OperationFilter:
    """Which operations are wanted; ``None`` does not filter.

    Of a list of values one has to fit. ``q`` is part of a stack's name, who asked, or the id of an
    operation.
    """

    stack_id: str | list[str] | None = None
    status: str | list[str] | None = None
    type: str | list[str] | None = None
    q: str | None = None
    project: str | list[str] | None = None
    kind: str | list[str] | None = None
    requested_by: str | list[str] | None = None
    ids: list[str] | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def list_operations(
    session: Session,
    principal: Principal,
    wanted: OperationFilter,
    page: PageRequest,
    *,
    newest_first: bool = True,
) -> Page[Operation]:
    """Return operations that the caller can see, newest or oldest first."""
    query = select(Operation).join(Stack).where(visible(principal, Stack.project_id))
    columns = {
        Operation.stack_id: wanted.stack_id,
        Operation.status: wanted.status,
        Operation.type: wanted.type,
        Operation.requested_by: wanted.requested_by,
        Operation.id: wanted.ids,
        Stack.kind: wanted.kind,
    }
    query = query.where(
        fits(columns),
        is_between(Operation.created_at, wanted.created_after, wanted.created_before),
    )
    if wanted.project is not None:
        of_project = select(Project.id).where(is_project(wanted.project))
        query = query.where(Stack.project_id.in_(of_project))
    if wanted.q is not None:
        is_named = Stack.name.contains(wanted.q, autoescape=True)
        query = query.where(
            or_(is_named, Operation.requested_by == wanted.q, Operation.id == wanted.q)
        )
    return fetch_page(session, query, Operation.id, page, newest_first=newest_first)


def list_events(
    session: Session, principal: Principal, operation_id: str, page: PageRequest
) -> Page[OperationEvent]:
    """Return the events of an operation, oldest first."""
    operation_by_id(session, principal, operation_id)
    query = select(OperationEvent).where(OperationEvent.operation_id == operation_id)
    return fetch_page(session, query, OperationEvent.id, page)


def events_after(
    session: Session, operation_id: str, after: int, limit: int = 500
) -> list[OperationEvent]:
    """Return events with an id above ``after``, for streams that follow an operation."""
    query = (
        select(OperationEvent)
        .where(OperationEvent.operation_id == operation_id, OperationEvent.id > after)
        .order_by(OperationEvent.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def plan_of(ctx: Context, session: Session, principal: Principal, operation_id: str) -> Any:
    """Return the masked plan of an operation.

    Raises:
        NotFoundError: there is no such operation, or it has made no plan.
    """
    operation = operation_by_id(session, principal, operation_id)
    row = session.get(StoredPlan, operation_id)
    if row is None:
        raise NotFoundError(
            f"Operation {operation_id} has no plan.",
            advice=f"It is {in_words(operation.status)}. Old plans are removed.",
        )
    return open_plan(ctx.keys, row)
