"""Write audit events; always in the transaction of the change that they record."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.models import AuditEvent
from app.services.access import Principal


def record(
    session: Session,
    principal: Principal,
    action: str,
    object_type: str,
    object_id: str,
    *,
    project_id: str | None = None,
    **detail: Any,
) -> None:
    """Add one event.

    Args:
        session: the open transaction of the change.
        principal: who did it.
        action: ``noun.verb``, such as ``stack.create``.
        object_type: what kind of thing was changed.
        object_id: which one.
        project_id: where it lives.
        detail: facts for the reader; never a secret value.
    """
    session.add(
        AuditEvent(
            id=ids.new_id(ids.AUDIT_EVENT),
            at=utc_now(),
            actor=principal.name,
            action=action,
            object_type=object_type,
            object_id=object_id,
            project_id=project_id,
            request_id=principal.request_id,
            detail=detail,
        )
    )
