"""Keep with an operation what its plan makes of the cost of the stack."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.models import Operation
from app.services.costs.plan_cost import cost_of_plan
from app.services.engine.run import OperationRun


def keep_cost(run: OperationRun) -> None:
    """Price the plan of an operation, where there is a price sheet, and keep and tell the cost.

    Raises:
        FenceLostError: another process owns the operation now.
    """
    changes = [item.to_dict() for item in run.plan.changes]

    def price(session: Session) -> dict[str, object] | None:
        operation = session.get_one(Operation, run.claim.operation_id)
        return cost_of_plan(session, operation.stack, changes)

    cost = run.ctx.ask(price)
    if cost is None:
        return

    def keep(_session: Session, operation: Operation) -> None:
        operation.cost = cost

    run.write(keep)
