"""What was done to a stack, newest first, and what its parameters were at a moment.

Parameters of a moment are the present ones with all later changes undone, as the audit trail has
them: secrets and very long values are not in it, so those stay as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog.parameters import MASK
from app.domain.permissions import Right
from app.errors import NotFoundError
from app.models import AuditEvent, DriftFinding, Operation, Stack
from app.services.access import SYSTEM_PRINCIPAL, Principal
from app.services.stacks.change_record import is_cut

CHANGES = ("stack.change", "stack.upgrade")
SHOWN = (*CHANGES, "stack.create", "stack.lock", "stack.unlock", "stack.unlock_force")
PREFIX = "parameters."
AT_ONCE = 50


@dataclass(frozen=True)
class StackHistory:
    """What happened before a moment: at most ``AT_ONCE`` of each kind, newest first."""

    events: Sequence[AuditEvent]
    operations: Sequence[Operation]
    seen: Sequence[DriftFinding]
    gone: Sequence[DriftFinding]


@dataclass(frozen=True)
class PastParameters:
    """Parameters at a moment; ``unknown`` are the names of those whose value is not known."""

    at: datetime
    values: dict[str, Any]
    unknown: frozenset[str]


def read_history(session: Session, stack: Stack, before: datetime) -> StackHistory:
    """Read what happened to a stack before a moment; scheduled checks are left out."""
    of_stack = (AuditEvent.object_type == "stack") & (AuditEvent.object_id == stack.id)
    events = (
        select(AuditEvent)
        .where(of_stack, AuditEvent.action.in_(SHOWN), AuditEvent.at < before)
        .order_by(AuditEvent.sequence.desc())
    )
    operations = (
        select(Operation)
        .where(
            Operation.stack_id == stack.id,
            Operation.created_at < before,
            Operation.requested_by != SYSTEM_PRINCIPAL.name,
        )
        .order_by(Operation.id.desc())
    )
    findings = select(DriftFinding).where(DriftFinding.stack_id == stack.id)
    seen = findings.where(DriftFinding.first_seen_at < before)
    gone = findings.where(DriftFinding.gone_since < before)
    return StackHistory(
        events=session.scalars(events.limit(AT_ONCE)).all(),
        operations=session.scalars(operations.limit(AT_ONCE)).unique().all(),
        seen=session.scalars(seen.order_by(DriftFinding.first_seen_at.desc()).limit(AT_ONCE))
        .unique()
        .all(),
        gone=session.scalars(gone.order_by(DriftFinding.gone_since.desc()).limit(AT_ONCE))
        .unique()
        .all(),
    )


def parameters_before(
    session: Session, stack: Stack, present: Mapping[str, Any], sequence: int
) -> PastParameters:
    """Return what the parameters of a stack were before one of its events.

    Args:
        session: an open transaction.
        stack: which stack.
        present: its parameters now, stacks by name.
        sequence: of the event.

    Raises:
        NotFoundError: the stack has no such event that changed parameters.
    """
    query = select(AuditEvent).where(
        AuditEvent.object_type == "stack",
        AuditEvent.object_id == stack.id,
        AuditEvent.action.in_(CHANGES),
        AuditEvent.sequence >= sequence,
    )
    later = session.scalars(query.order_by(AuditEvent.sequence.desc())).all()
    if not later or later[-1].sequence != sequence:
        raise NotFoundError(f"Stack {stack.name!r} has no change number {sequence}.")
    values, unknown = dict(present), set[str]()
    for event in later:
        for name, change in parameter_changes(event).items():
            old = change.get("from")
            if old == MASK or change.get("to") == MASK or is_cut(old):
                unknown.add(name)
            elif old is None:
                values.pop(name, None)
            else:
                values[name] = old
    return PastParameters(later[-1].at, values, frozenset(unknown))


def parameter_changes(event: AuditEvent) -> dict[str, Mapping[str, Any]]:
    """Return what an event changed of the parameters, old and new by name."""
    changes = event.detail.get("changes")
    if not isinstance(changes, dict):
        return {}
    return {
        name.removeprefix(PREFIX): change
        for name, change in changes.items()
        if name.startswith(PREFIX) and isinstance(change, dict)
    }


def may_see_history(principal: Principal, stack: Stack) -> bool:
    """Tell whether the caller may read who changed what of a stack."""
    return principal.has(Right.AUDIT_READ, stack.project_id) or principal.has(
        Right.STACK_WRITE, stack.project_id
    )
