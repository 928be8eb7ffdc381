"""What the page of a plan shows: its changes, and the stacks that take its outputs.

Values are masked already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.console.operations.plan_changes import WHOLE, PlanChoice, PlanGroup, group_changes, tell
from app.console.shell.rows import OperationRow
from app.domain.operation_registry import facts_of
from app.domain.plan_summary import PlanSummary
from app.domain.policy_results import PolicyResult
from app.errors import NotFoundError
from app.models import Operation, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import operation_by_id
from app.services.operations.queries import plan_of
from app.services.policies.asking import results_of
from app.services.stacks.references import with_all_users


@dataclass(frozen=True)
class Reach:
    """Living stacks that take outputs of this one, directly or not, and outputs that change."""

    stacks: list[tuple[str, str, str]]
    outputs: list[str]


@dataclass(frozen=True)
class PlanDetails:
    """A plan grouped by action; of ``total`` changes those that ``chosen`` asks for."""

    operation_id: str
    summary: PlanSummary
    sentences: list[str]
    groups: list[PlanGroup]
    outputs: list[Mapping[str, Any]]
    reach: Reach
    chosen: PlanChoice
    total: int

    @property
    def found(self) -> int:
        """How many changes match the choice, shown or not."""
        return sum(group.total for group in self.groups)

    @property
    def is_losing(self) -> bool:
        """Tell whether something is destroyed or replaced."""
        return bool(self.summary.loses)


def read_plan(
    ctx: Context,
    session: Session,
    principal: Principal,
    operation: Operation,
    chosen: PlanChoice = WHOLE,
) -> PlanDetails | None:
    """Return the plan of an operation, or ``None`` when it has made none (a drift check too).

    Args:
        ctx, session, principal: as everywhere.
        operation: whose plan.
        chosen: which part of it; a text is looked for in addresses, types and attributes.
    """
    document = _document(ctx, session, principal, operation)
    if document is None:
        return None
    changes = document.get("changes", [])
    outputs = document.get("outputs", [])
    return PlanDetails(
        operation_id=operation.id,
        summary=PlanSummary.from_dict(document["summary"]),
        sentences=tell(changes),
        groups=group_changes(changes, chosen),
        outputs=outputs,
        reach=_reach(operation.stack, outputs),
        chosen=chosen,
        total=len(changes),
    )


@dataclass(frozen=True)
class PlanPage:
    """A plan on a page of its own, whose it is, what policies said, and what it costs."""

    operation: OperationRow
    plan: PlanDetails
    policies: Sequence[PolicyResult]
    cost: Mapping[str, Any] | None


def read_plan_page(
    ctx: Context, principal: Principal, operation_id: str, chosen: PlanChoice
) -> PlanPage:
    """Read the page of a plan.

    Raises:
        NotFoundError: no such operation, or it has made no plan.
    """
    with ctx.read() as session:
        operation = operation_by_id(session, principal, operation_id)
        plan = read_plan(ctx, session, principal, operation, chosen)
        if plan is None:
            raise NotFoundError(f"Operation {operation_id} has no plan.")
        return PlanPage(OperationRow.of(operation), plan, results_of(operation), operation.cost)


def read_planned_actions(
    ctx: Context, session: Session, principal: Principal, operation: Operation
) -> dict[str, str]:
    """Return what the plan of an operation would do to which address; reading is nothing."""
    document = _document(ctx, session, principal, operation) or {}
    changes = ((item["address"], item["action"]) for item in document.get("changes", []))
    return {address: action for address, action in changes if action != "read"}


def _document(
    ctx: Context, session: Session, principal: Principal, operation: Operation
) -> Any | None:
    if operation.plan_summary is None or facts_of(operation.type).checks_drift:
        return None
    try:
        return plan_of(ctx, session, principal, operation.id)
    except NotFoundError:
        return None


def _reach(stack: Stack, outputs: Sequence[Mapping[str, Any]]) -> Reach:
    users = with_all_users(stack)[1:]
    return Reach(
        stacks=[(user.id, user.name, user.kind) for user in users],
        outputs=[str(item["name"]) for item in outputs],
    )
