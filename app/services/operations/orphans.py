"""What is in the cloud and in no state, over all stacks that the caller can see.

Two sources say it: interrupted operations that nobody has resolved, by what Terraform had begun to
create, and drift checks, by what carries the tag of a stack without being in its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.drift import ChangeKind, DriftStatus
from app.domain.operations import OperationStatus
from app.models import DriftFinding, Operation, Stack
from app.services.access import Principal, visible
from app.services.operations.queries import AS_ROWS

MAX_ORPHANS = 200


@dataclass(frozen=True)
class OrphanedResource:
    """A resource without a state; either its operation or its finding says how it was found."""

    stack_id: str
    stack_name: str
    type: str
    address: str | None
    resource_id: str | None
    since: datetime
    operation_id: str | None = None
    finding_id: str | None = None


def list_orphans(session: Session, principal: Principal) -> list[OrphanedResource]:
    """Return what is orphaned, the oldest first; each resource once."""
    left = _left_by_operations(session, principal)
    known = {(item.stack_id, item.resource_id) for item in left if item.resource_id}
    found = [
        item
        for item in _found_by_checks(session, principal)
        if (item.stack_id, item.resource_id) not in known
    ]
    return sorted([*left, *found], key=lambda item: item.since)[:MAX_ORPHANS]


def _left_by_operations(session: Session, principal: Principal) -> list[OrphanedResource]:
    query = (
        select(Operation)
        .join(Stack)
        .where(
            Operation.status == OperationStatus.INTERRUPTED,
            Operation.resolution.is_(None),
            Stack.deleted_at.is_(None),
            visible(principal, Stack.project_id),
        )
        .order_by(Operation.id)
        .limit(MAX_ORPHANS)
        .options(*AS_ROWS)
    )
    return [
        OrphanedResource(
            stack_id=row.stack_id,
            stack_name=row.stack.name,
            type=str(item.get("type") or (item.get("address") or "").rsplit(".", 2)[0]),
            address=item.get("address"),
            resource_id=item.get("id"),
            since=row.ended_at or row.created_at,
            operation_id=row.id,
        )
        for row in session.scalars(query)
        for item in row.possibly_orphaned
    ]


def _found_by_checks(session: Session, principal: Principal) -> list[OrphanedResource]:
    query = (
        select(DriftFinding)
        .join(Stack, Stack.id == DriftFinding.stack_id)
        .where(
            DriftFinding.change == ChangeKind.CREATED,
            DriftFinding.gone_since.is_(None),
            Stack.deleted_at.is_(None),
            Stack.drift_status != DriftStatus.NOT_CHECKED,
            visible(principal, Stack.project_id),
        )
        .order_by(DriftFinding.id)
        .limit(MAX_ORPHANS)
    )
    return [
        OrphanedResource(
            stack_id=row.stack_id,
            stack_name=row.stack.name,
            type=row.type,
            address=row.address,
            resource_id=row.resource_id,
            since=row.first_seen_at,
            finding_id=row.id,
        )
        for row in session.scalars(query).unique()
    ]
