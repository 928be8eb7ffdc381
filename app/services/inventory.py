"""What there is, for lists and pages: stacks, operations, events, state versions, drift."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.domain.permissions import Right
from app.errors import NotFoundError
from app.models import (
    DriftReport,
    Operation,
    OperationEvent,
    OperationPlan,
    Project,
    Stack,
    StateVersion,
)
from app.services.access import Principal, visible
from app.services.context import Context
from app.services.lookup import operation_by_id, stack_by_id
from app.services.pages import Page, PageRequest, fetch_page

MAX_SERIAL = 2**63 - 1


@dataclass(frozen=True)
class StackFilter:
    """Which stacks are wanted; ``None`` does not filter. Deleted ones only by ``status``."""

    project: str | None = None
    kind: str | None = None
    cloud: str | None = None
    region: str | None = None
    status: str | None = None
    drift: str | None = None
    label: str | None = None
    q: str | None = None


@dataclass(frozen=True)
class OperationFilter:
    """Which operations are wanted; ``None`` does not filter.

    ``q`` is part of a stack's name, who asked, or the id of an operation.
    """

    stack_id: str | None = None
    status: str | None = None
    type: str | None = None
    q: str | None = None


def list_stacks(
    session: Session,
    principal: Principal,
    wanted: StackFilter,
    page: PageRequest,
    *,
    newest_first: bool = True,
) -> Page[Stack]:
    """Return stacks that the caller can see, newest or oldest first."""
    query = filter_stacks(select(Stack).where(visible(principal, Stack.project_id)), wanted)
    return fetch_page(session, query, Stack.id, page, newest_first=newest_first)


def count_stacks(session: Session, principal: Principal, column: Any) -> dict[str, int]:
    """Count the living stacks that the caller can see by the values of ``column``."""
    query = (
        select(column, func.count())
        .where(visible(principal, Stack.project_id), Stack.deleted_at.is_(None))
        .group_by(column)
    )
    return {str(value): count for value, count in session.execute(query)}


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
    if wanted.stack_id is not None:
        query = query.where(Operation.stack_id == wanted.stack_id)
    if wanted.status is not None:
        query = query.where(Operation.status == wanted.status)
    if wanted.type is not None:
        query = query.where(Operation.type == wanted.type)
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
    row = session.get(OperationPlan, operation_id)
    if row is None:
        raise NotFoundError(
            f"Operation {operation_id} has no plan.", advice=f"Its status is {operation.status}."
        )
    return json.loads(ctx.keys.decrypt(row.sealed_changes, f"plan:{operation_id}"))


def list_state_versions(
    session: Session, principal: Principal, stack_id: str, page: PageRequest
) -> Page[StateVersion]:
    """Return the state versions of a stack, newest first."""
    stack_by_id(session, principal, stack_id)
    query = select(StateVersion).where(StateVersion.stack_id == stack_id)
    return fetch_page(session, query, StateVersion.serial, page, newest_first=True)


def state_version(
    session: Session,
    principal: Principal,
    stack_id: str,
    serial: int,
    right: Right = Right.STACK_READ,
) -> StateVersion:
    """Return one state version.

    Raises:
        NotFoundError: there is no such stack or serial.
        PermissionDeniedError: the caller lacks ``right``.
    """
    stack_by_id(session, principal, stack_id, right)
    query = select(StateVersion).where(
        StateVersion.stack_id == stack_id, StateVersion.serial == serial
    )
    version = session.scalar(query) if serial <= MAX_SERIAL else None
    if version is None:
        raise NotFoundError(f"Stack {stack_id} has no state version with serial {serial}.")
    return version


def list_drift_reports(
    session: Session, principal: Principal, stack_id: str, page: PageRequest
) -> Page[DriftReport]:
    """Return the drift reports of a stack, newest first."""
    stack_by_id(session, principal, stack_id)
    query = select(DriftReport).where(DriftReport.stack_id == stack_id)
    return fetch_page(session, query, DriftReport.id, page, newest_first=True)


def drift_report(
    session: Session, principal: Principal, stack_id: str, report_id: str
) -> DriftReport:
    """Return one drift report of a stack.

    Raises:
        NotFoundError: there is no such stack or report.
    """
    stack_by_id(session, principal, stack_id)
    row = session.get(DriftReport, report_id)
    if row is None or row.stack_id != stack_id:
        raise NotFoundError(f"Stack {stack_id} has no drift report {report_id!r}.")
    return row


def latest_reports(session: Session, stacks: list[Stack]) -> dict[str, DriftReport]:
    """Return the last drift report of each stack that has one, by stack id."""
    wanted = [stack.drift_report_id for stack in stacks if stack.drift_report_id]
    rows = session.scalars(select(DriftReport).where(DriftReport.id.in_(wanted)))
    return {row.stack_id: row for row in rows}


def filter_stacks(query: Select[tuple[Stack]], wanted: StackFilter) -> Select[tuple[Stack]]:
    """Narrow a query of stacks; deleted ones are left out unless their status is asked for."""
    if wanted.status is None:
        query = query.where(Stack.deleted_at.is_(None))
    else:
        query = query.where(Stack.status == wanted.status)
    if wanted.project is not None:
        query = query.join(Project, Project.id == Stack.project_id).where(
            or_(Project.id == wanted.project, Project.name == wanted.project)
        )
    columns = {
        Stack.kind: wanted.kind,
        Stack.cloud: wanted.cloud,
        Stack.region: wanted.region,
        Stack.drift_status: wanted.drift,
    }
    for column, value in columns.items():
        if value is not None:
            query = query.where(column == value)
    if wanted.label is not None:
        name, _, value = wanted.label.partition("=")
        query = query.where(Stack.labels[name].as_string() == value)
    if wanted.q is not None:
        query = query.where(
            or_(Stack.name.contains(wanted.q, autoescape=True), Stack.id == wanted.q)
        )
    return query
