"""Read the audit trail: a page at a time with the eyes of a caller, whole, and as a chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from app.domain.audit_chain import Actor, ChainedEvent
from app.domain.permissions import Right, ServiceRight
from app.errors import PermissionDeniedError
from app.models import AuditEvent, Operation, Project, Stack
from app.services import audit
from app.services.access import Principal, visible
from app.services.context import Context
from app.services.lookup import is_project
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import perform

AT_ONCE = 1000

Conditions = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True)
class TrailFilter:
    """Which events are wanted; ``None`` does not filter.

    ``actor`` and ``project`` are ids or names; ``since`` is included, ``until`` is not. ``stack``
    is the name or id of a stack, also of a deleted one: its own events and those of its operations.
    """

    actor: str | None = None
    action: str | None = None
    object_type: str | None = None
    object_id: str | None = None
    stack: str | None = None
    project: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_events(
    session: Session, principal: Principal, wanted: TrailFilter, page: PageRequest
) -> Page[AuditEvent]:
    """Return events that the caller may read, newest first.

    Raises:
        PermissionDeniedError: the caller may read no events at all.
    """
    query = select(AuditEvent).where(*_conditions(principal, wanted))
    return fetch_page(session, query, AuditEvent.sequence, page, newest_first=True)


def export_events(
    ctx: Context, principal: Principal, wanted: TrailFilter
) -> Iterator[ChainedEvent]:
    """Return all events that the caller may read, oldest first; itself an event of the trail.

    The events are read a few at a time while they are taken.

    Raises:
        PermissionDeniedError: as ``list_events``.
    """
    conditions = _conditions(principal, wanted)
    with perform(ctx, principal) as work:
        audit.record(
            work,
            "audit.export",
            "audit",
            "trail",
            filters={name: value for name, value in vars(wanted).items() if value is not None},
        )
    return read_chain(ctx, *conditions)


def read_chain(ctx: Context, *conditions: ColumnElement[bool]) -> Iterator[ChainedEvent]:
    """Yield events in their order, without holding a transaction open meanwhile."""
    after = 0
    query = select(AuditEvent).where(*conditions).order_by(AuditEvent.sequence).limit(AT_ONCE)
    while True:
        with ctx.read() as session:
            rows = session.scalars(query.where(AuditEvent.sequence > after)).all()
        if not rows:
            return
        yield from map(chained, rows)
        after = rows[-1].sequence


def chained(row: AuditEvent) -> ChainedEvent:
    """Return a row as it is hashed and shown."""
    return ChainedEvent(
        sequence=row.sequence,
        id=row.id,
        at=row.at,
        actor=Actor(row.actor_id, row.actor, row.actor_kind, row.address),
        action=row.action,
        object_type=row.object_type,
        object_id=row.object_id,
        project_id=row.project_id,
        request_id=row.request_id,
        detail=row.detail,
        previous_hash=row.previous_hash,
        hash=row.hash,
    )


def _conditions(principal: Principal, wanted: TrailFilter) -> Conditions:
    conditions = [*_readable(principal)]
    for column, value in (
        (AuditEvent.action, wanted.action),
        (AuditEvent.object_type, wanted.object_type),
        (AuditEvent.object_id, wanted.object_id),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.actor is not None:
        named = or_(AuditEvent.actor == wanted.actor, AuditEvent.actor_id == wanted.actor)
        conditions.append(named)
    if wanted.stack is not None:
        conditions.append(_of_stack(principal, wanted.stack))
    if wanted.project is not None:
        named = is_project(wanted.project)
        conditions.append(AuditEvent.project_id.in_(select(Project.id).where(named)))
    if wanted.since is not None:
        conditions.append(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(AuditEvent.at < wanted.until)
    return tuple(conditions)


def _of_stack(principal: Principal, named: str) -> ColumnElement[bool]:
    stacks = select(Stack.id).where(
        or_(Stack.name == named, Stack.id == named),
        visible(principal, Stack.project_id, Right.AUDIT_READ),
    )
    operations = select(Operation.id).where(Operation.stack_id.in_(stacks))
    return AuditEvent.object_id.in_(stacks.union_all(operations))


def _readable(principal: Principal) -> Conditions:
    """Return what keeps a query to the events that the caller may read."""
    if principal.may(ServiceRight.AUDIT_READ_ALL):
        return ()
    if not principal.has_anywhere(Right.AUDIT_READ):
        raise PermissionDeniedError("Reading the audit trail needs the right 'audit:read'.")
    of_projects = AuditEvent.project_id.is_not(None)
    return (of_projects, visible(principal, AuditEvent.project_id, Right.AUDIT_READ))
