"""What a stack and a project cost in a month, by what was applied last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.operations import OperationStatus
from app.domain.permissions import Right
from app.models import Operation, Stack
from app.services.access import Principal
from app.services.lookup import project_named, stack_by_id


@dataclass(frozen=True)
class StackCost:
    """A stack and the cost of what was applied last; nothing where no price sheet was there."""

    stack: Stack
    cost: Mapping[str, Any] | None


def cost_of_stack(session: Session, principal: Principal, stack_id: str) -> StackCost:
    """Return what a stack costs.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
    """
    stack = stack_by_id(session, principal, stack_id)
    return StackCost(stack, _latest(session, Stack.id == stack.id).get(stack.id))


def costs_of_project(session: Session, principal: Principal, reference: str) -> list[StackCost]:
    """Return what the living stacks of a project cost, by name.

    Raises:
        NotFoundError, PermissionDeniedError: as ``project_named``.
    """
    project = project_named(session, principal, reference, Right.STACK_READ)
    living = (Stack.project_id == project.id) & Stack.deleted_at.is_(None)
    found = _latest(session, living)
    stacks = session.scalars(select(Stack).where(living).order_by(Stack.name)).unique()
    return [StackCost(stack, found.get(stack.id)) for stack in stacks]


def cost_of_others(session: Session, stack: Stack) -> Decimal:
    """Return the typical monthly cost of all other living stacks of the stack's project."""
    others = (
        (Stack.project_id == stack.project_id) & Stack.deleted_at.is_(None) & (Stack.id != stack.id)
    )
    costs = _latest(session, others).values()
    return sum((Decimal(cost["after"]["typical"]) for cost in costs), Decimal(0))


def _latest(session: Session, about: Any) -> dict[str, Mapping[str, Any]]:
    newest = (
        select(func.max(Operation.id))
        .join(Stack, Stack.id == Operation.stack_id)
        .where(about, Operation.status == OperationStatus.APPLIED, Operation.cost.is_not(None))
        .group_by(Operation.stack_id)
    )
    rows = session.execute(
        select(Operation.stack_id, Operation.cost).where(Operation.id.in_(newest))
    )
    return {stack_id: cost for stack_id, cost in rows if cost}
