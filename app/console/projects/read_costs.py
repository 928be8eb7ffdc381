"""What the page of a project's costs shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.permissions import Right
from app.services.access import Principal
from app.services.context import Context
from app.services.costs.stack_costs import StackCost, costs_of_project
from app.services.lookup import project_named


@dataclass(frozen=True)
class CostRow:
    """One stack; without a cost it was not priced when it was last applied."""

    id: str
    stack: str
    low: str = ""
    typical: str = ""
    high: str = ""
    currency: str = ""
    priced: int = 0
    unpriced: int = 0
    prices_from: str = ""

    @classmethod
    def of(cls, item: StackCost) -> CostRow:
        """Read the cost of a stack."""
        if item.cost is None:
            return cls(item.stack.id, item.stack.name)
        after = item.cost["after"]
        return cls(
            id=item.stack.id,
            stack=item.stack.name,
            low=after["low"],
            typical=after["typical"],
            high=after["high"],
            currency=item.cost["currency"],
            priced=after["priced"],
            unpriced=sum(after["unpriced"].values()),
            prices_from=item.cost["prices_from"],
        )


@dataclass(frozen=True)
class CostsPage:
    """All stacks of a project; it is the only page of this list."""

    project_id: str
    project: str
    rows: Sequence[CostRow]
    next_cursor: str | None = None

    @property
    def typical(self) -> Decimal:
        """What the priced stacks cost together."""
        return sum((Decimal(row.typical) for row in self.rows if row.typical), Decimal(0))

    @property
    def currency(self) -> str:
        """The currency of the costs."""
        return next((row.currency for row in self.rows if row.currency), "")


def read_costs(ctx: Context, principal: Principal, reference: str) -> CostsPage:
    """Read what the stacks of a project cost.

    Raises:
        NotFoundError, PermissionDeniedError: as ``project_named``.
    """
    with ctx.read() as session:
        project = project_named(session, principal, reference, Right.PROJECT_READ)
        found = costs_of_project(session, principal, project.id)
        return CostsPage(project.id, project.name, [CostRow.of(item) for item in found])
