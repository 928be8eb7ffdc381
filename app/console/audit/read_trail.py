"""What the page of the audit trail shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.domain.permissions import ServiceRight
from app.models import AuditEvent, Project
from app.services.access import Principal
from app.services.audit_trail.trail import TrailFilter, list_events
from app.services.audit_trail.verification import Mark, last_mark
from app.services.context import Context
from app.services.paging import PageRequest


@dataclass(frozen=True)
class TrailPage:
    """One page of the trail; ``projects`` are their names by id."""

    events: Sequence[AuditEvent]
    projects: Mapping[str, str]
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
        return TrailPage(found.items, projects, found.next_cursor, may_verify, mark)
