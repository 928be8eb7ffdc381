"""Write audit events; always in the transaction of the change that they record.

Events are chained just before the commit, after everything else was written: whoever waits for the
end of the chain holds all its other locks already and asks for none afterwards, so the chain adds
no deadlock and is held only while the commit is made.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import event, insert, select, update
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.audit_chain import Actor, ChainedEvent, ChainLink, plain_json
from app.models import AuditEvent, AuditHead, Stack
from app.services.access import Principal
from app.services.work import Work

PENDING = "landform_audit_events"
HEAD = 1
"""Id of the one row of ``audit_head``."""

TAKE_HEAD = select(AuditHead.sequence, AuditHead.hash).where(AuditHead.id == HEAD).with_for_update()
ADD_EVENTS = insert(AuditEvent)
MOVE_HEAD = update(AuditHead).where(AuditHead.id == HEAD)


def record(
    work: Work,
    action: str,
    object_type: str,
    object_id: str,
    *,
    project_id: str | None = None,
    **detail: Any,
) -> None:
    """Add the event of what the caller of ``work`` does; otherwise as ``record_as``."""
    record_as(
        work.session,
        work.principal,
        action,
        object_type,
        object_id,
        project_id=project_id,
        **detail,
    )


def record_stack(work: Work, action: str, stack: Stack, **detail: Any) -> None:
    """Add the event of what the caller of ``work`` does with ``stack``."""
    record(work, action, "stack", stack.id, project_id=stack.project_id, **detail)


def record_as(
    session: Session,
    principal: Principal,
    action: str,
    object_type: str,
    object_id: str,
    *,
    project_id: str | None = None,
    **detail: Any,
) -> None:
    """Add one event; it is in SQL from the commit on.

    Args:
        session: the open transaction of the change.
        principal: who did it.
        action: ``noun.verb``, such as ``stack.create``.
        object_type: what kind of thing was changed.
        object_id: which one.
        project_id: where it lives.
        detail: facts for the reader; never a secret value.
    """
    if PENDING not in session.info:
        session.info[PENDING] = []
        event.listen(session, "before_commit", _chain)
    session.info[PENDING].append(
        ChainedEvent(
            sequence=0,
            id=ids.new_id(ids.AUDIT_EVENT),
            at=utc_now(),
            actor=Actor(
                principal.id or None, principal.name, principal.kind.value, principal.address
            ),
            action=action,
            object_type=object_type,
            object_id=object_id,
            project_id=project_id,
            request_id=principal.request_id,
            detail=plain_json(_with_token(detail, principal)),
            previous_hash="",
        )
    )


def _with_token(detail: dict[str, Any], principal: Principal) -> dict[str, Any]:
    """Say which API token acted; its user is the actor."""
    if principal.token_id is None:
        return detail
    return {**detail, "token_id": principal.token_id}


def _chain(session: Session) -> None:
    """Give the transaction's events their places in the chain and write them."""
    if session.in_nested_transaction():
        return
    pending: list[ChainedEvent] = session.info[PENDING]
    if not pending:
        return
    session.flush()
    connection = session.connection()  # beneath the ORM, which would take twice as long
    last = ChainLink(*connection.execute(TAKE_HEAD).one())
    rows = []
    for draft in pending:
        event_ = replace(draft, sequence=last.sequence + 1, previous_hash=last.hash)
        last = ChainLink(event_.sequence, event_.compute_hash())
        rows.append(_row(replace(event_, hash=last.hash)))
    connection.execute(ADD_EVENTS, rows)
    connection.execute(MOVE_HEAD, {"sequence": last.sequence, "hash": last.hash})
    pending.clear()


def _row(chained: ChainedEvent) -> dict[str, Any]:
    return {
        "id": chained.id,
        "sequence": chained.sequence,
        "at": chained.at,
        "actor": chained.actor.name,
        "actor_id": chained.actor.id,
        "actor_kind": chained.actor.kind,
        "address": chained.actor.address,
        "action": chained.action,
        "object_type": chained.object_type,
        "object_id": chained.object_id,
        "project_id": chained.project_id,
        "request_id": chained.request_id,
        "detail": dict(chained.detail),
        "previous_hash": chained.previous_hash,
        "hash": chained.hash,
    }
