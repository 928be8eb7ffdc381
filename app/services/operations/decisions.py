"""What waits for a decision of the caller: plans, interrupted operations, severe drift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.drift import DriftStatus, Severity
from app.domain.operations import OperationStatus
from app.domain.permissions import Right
from app.models import DriftFinding, Operation, Project, Stack
from app.services.access import Principal, visible
from app.services.drift.queries import hidden_at
from app.services.operations.queries import AS_ROWS

MAX_DECISIONS = 100
"""How many of each kind are listed and counted."""


class DecisionKind(StrEnum):
    """What is to be decided."""

    INTERRUPTION = "interruption"
    APPROVAL = "approval"
    DRIFT = "drift"


@dataclass(frozen=True)
class OpenDecision:
    """One thing that waits.

    ``operation`` is the one to approve or to resolve; ``findings`` is how many severe findings of
    the stack nobody has acknowledged.
    """

    kind: DecisionKind
    stack_id: str
    stack_name: str
    stack_kind: str
    since: datetime
    operation: Operation | None = None
    findings: int = 0


def list_decisions(session: Session, principal: Principal) -> list[OpenDecision]:
    """Return what waits for the caller, the most urgent kind first, the oldest of each first."""
    interrupted = _operations(session, _interrupted(principal))
    planned = _operations(session, _planned(principal))
    return [
        *(_of_operation(DecisionKind.INTERRUPTION, row) for row in interrupted),
        *(_of_operation(DecisionKind.APPROVAL, row) for row in planned),
        *_drifted(session, principal),
    ]


def count_decisions(session: Session, principal: Principal) -> int:
    """Count what waits for the caller, each kind up to ``MAX_DECISIONS``: one statement."""
    parts = (
        select(Operation.id).join(Stack).where(_interrupted(principal)),
        select(Operation.id).join(Stack).where(_planned(principal)),
        select(Stack.id).where(_severe(principal)),
    )
    bounded = [part.limit(MAX_DECISIONS).subquery() for part in parts]
    found = union_all(*(select(literal(1)).select_from(part) for part in bounded)).subquery()
    return session.scalar(select(func.count()).select_from(found)) or 0


def _operations(session: Session, condition: ColumnElement[bool]) -> Sequence[Operation]:
    query = select(Operation).join(Stack).where(condition).order_by(Operation.id)
    return session.scalars(query.limit(MAX_DECISIONS).options(*AS_ROWS)).all()


def _of_operation(kind: DecisionKind, row: Operation) -> OpenDecision:
    stack = row.stack
    since = row.ended_at or row.created_at
    return OpenDecision(kind, stack.id, stack.name, stack.kind, since, operation=row)


def _planned(principal: Principal) -> ColumnElement[bool]:
    """Return the condition for plans that the caller may approve or discard.

    Where nobody approves an own request, those of the caller are left out.
    """
    barring = select(Project.id).where(Project.approval_not_by_requester)
    may_approve = or_(Stack.project_id.not_in(barring), Operation.requested_by != principal.name)
    return (
        (Operation.status == OperationStatus.PLANNED)
        & Operation.approved_at.is_(None)
        & visible(principal, Stack.project_id, Right.OPERATION_CONTROL)
        & may_approve
    )


def _interrupted(principal: Principal) -> ColumnElement[bool]:
    return (
        (Operation.status == OperationStatus.INTERRUPTED)
        & Operation.resolution.is_(None)
        & Stack.deleted_at.is_(None)
        & visible(principal, Stack.project_id, Right.OPERATION_CONTROL)
    )


def _severe(principal: Principal) -> ColumnElement[bool]:
    return (
        Stack.id.in_(select(DriftFinding.stack_id).where(_open_finding()))
        & Stack.deleted_at.is_(None)
        & (Stack.drift_status != DriftStatus.NOT_CHECKED)
        & visible(principal, Stack.project_id, Right.STACK_WRITE)
    )


def _open_finding() -> ColumnElement[bool]:
    return (
        DriftFinding.gone_since.is_(None)
        & (DriftFinding.severity == Severity.HIGH)
        & DriftFinding.acknowledged_at.is_(None)
        & ~hidden_at(utc_now())
    )


def _drifted(session: Session, principal: Principal) -> list[OpenDecision]:
    numbers: Select[Any] = (
        select(
            DriftFinding.stack_id,
            func.count().label("findings"),
            func.min(DriftFinding.first_seen_at).label("since"),
        )
        .where(_open_finding())
        .group_by(DriftFinding.stack_id)
    )
    of_stack = numbers.subquery()
    query = (
        select(Stack.id, Stack.name, Stack.kind, of_stack.c.since, of_stack.c.findings)
        .join(of_stack, of_stack.c.stack_id == Stack.id)
        .where(_severe(principal))
        .order_by(of_stack.c.since, Stack.id)
        .limit(MAX_DECISIONS)
    )
    return [
        OpenDecision(DecisionKind.DRIFT, stack_id, name, kind, since, findings=count)
        for stack_id, name, kind, since, count in session.execute(query)
    ]
