"""Read the audit trail: as a chain, a page at a time, and with the eyes of a caller."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from app.domain.audit_chain import Actor, ChainedEvent
from app.models import AuditEvent
from app.services.context import Context

AT_ONCE = 1000


def read_chain(ctx: Context, after: int = 0) -> Iterator[ChainedEvent]:
    """Yield all events after a sequence in their order, without holding a transaction open."""
    while True:
        query = select(AuditEvent).where(AuditEvent.sequence > after)
        with ctx.read() as session:
            rows = session.scalars(query.order_by(AuditEvent.sequence).limit(AT_ONCE)).all()
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
