"""What the page of the audit trail shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.domain.permissions import ServiceRight
from app.models import AuditEvent, Project
from app.services.access import Principal
from app.services.audit_trail import TrailFilter, list_events
from app.services.audit_verification import Mark, last_mark
from app.services.context import Context
from app.services.pages import PageRequest


@dataclass(frozen=True)
class EventRow:
    """One act."""

    sequence: int
    at: datetime
    actor: str
    actor_kind: str
    address: str | None
    action: str
    object_type: str
    object_id: str
    project: str | None
    request_id: str | None
    detail: Mapping[str, Any]
    hash: str


@dataclass(frozen=True)
class TrailPage:
    """One page of the trail."""

    events: list[EventRow]
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
        rows = [_row(row, projects) for row in found.items]
        may_verify = principal.may(ServiceRight.AUDIT_READ_ALL)
        mark = last_mark(session) if may_verify else None
        return TrailPage(rows, found.next_cursor, may_verify, mark)


def _row(row: AuditEvent, projects: dict[str, str]) -> EventRow:
    return EventRow(
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        actor_kind=row.actor_kind,
        address=row.address,
        action=row.action,
        object_type=row.object_type,
        object_id=row.object_id,
        project=projects.get(row.project_id or "", row.project_id),
        request_id=row.request_id,
        detail=row.detail,
        hash=row.hash,
    )
