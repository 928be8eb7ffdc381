"""What the page of the audit trail shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import ServiceRight
from app.models import AuditEvent, Operation, Project, Stack
from app.services.access import Principal
from app.services.audit_trail.trail import TrailFilter, list_events
from app.services.audit_trail.verification import Mark, last_mark
from app.services.context import Context
from app.services.paging import PageRequest


@dataclass(frozen=True)
class StackOfEvent:
    """The stack that an event is about, itself or through one of its operations."""

    stack_id: str
    name: str


@dataclass(frozen=True)
class TrailPage:
    """One page of the trail; ``projects`` are their names by id, ``targets`` by id of an object."""

    events: Sequence[AuditEvent]
    projects: Mapping[str, str]
    targets: Mapping[str, StackOfEvent]
    next_cursor: str | None
    may_verify: bool
    mark: Mark | None


def read_trail(
    ctx: Context, principal: Principal, wanted: TrailFilter, page: PageRequest
) -> TrailPage:
    """Read the events that the caller may read, newest first."""
    with ctx.read() as session:
        found = list_events(session, principal, wanted, page)
        ids = {row.project_id for row in found.items if row.project_id}
        query = select(Project.id, Project.name).where(Project.id.in_(ids))
        projects = dict(session.execute(query).tuples().all())
        may_verify = principal.may(ServiceRight.AUDIT_READ_ALL)
        mark = last_mark(session) if may_verify else None
        targets = _targets(session, found.items)
        return TrailPage(found.items, projects, targets, found.next_cursor, may_verify, mark)


def _targets(session: Session, events: Sequence[AuditEvent]) -> dict[str, StackOfEvent]:
    """Return the stacks of events that the caller may read, by the id of their object."""
    ids = {row.object_id for row in events if row.object_type in ("stack", "operation")}
    stacks = select(Stack.id, Stack.id, Stack.name).where(Stack.id.in_(ids))
    operations = select(Operation.id, Stack.id, Stack.name).join(Stack).where(Operation.id.in_(ids))
    rows = [*session.execute(stacks).tuples(), *session.execute(operations).tuples()]
    return {object_id: StackOfEvent(stack_id, name) for object_id, stack_id, name in rows}
