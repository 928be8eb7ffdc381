"""What a plan makes of the cost of its stack: before and after, by the sheet that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from app.domain.cost import PricedThing, estimate
from app.models import Stack
from app.services.costs.sheets import current_sheet
from app.services.costs.stack_costs import cost_of_others

Change = Mapping[str, Any]


def cost_of_plan(
    session: Session, stack: Stack, changes: Sequence[Change]
) -> dict[str, Any] | None:
    """Return the monthly cost before and after a plan; nothing where there is no price sheet.

    Args:
        session: to read the sheet and what the project's other stacks cost.
        stack: whose plan it is.
        changes: all resources of the plan, unchanged ones too (``ResourceChange.to_dict``).
    """
    found = current_sheet(session)
    if found is None:
        return None
    row, sheet = found
    managed = [item for item in changes if item["mode"] == "managed"]
    before, after = (
        estimate(sheet, stack.cloud, stack.region, _things(managed, side))
        for side in ("before", "after")
    )
    return {
        "currency": sheet.currency,
        "sheet_id": row.id,
        "prices_from": row.oldest.isoformat(),
        "before": before.to_dict(),
        "after": after.to_dict(),
        "others": str(cost_of_others(session, stack)),
    }


def cost_facts(cost: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the facts of a plan's cost; all are null where there is no price sheet."""
    names = ("cost.before", "cost.after", "cost.added", "cost.project", "cost.unpriced")
    if cost is None:
        return dict.fromkeys(names)
    before, after = (Decimal(cost[side]["typical"]) for side in ("before", "after"))
    unpriced = sum(cost["after"]["unpriced"].values())
    amounts = (before, after, after - before, after + Decimal(cost["others"]))
    return dict(zip(names, (*map(float, amounts), unpriced), strict=True))


def _things(changes: Sequence[Change], side: str) -> list[PricedThing]:
    return [
        PricedThing(item["type"], item[side]) for item in changes if isinstance(item[side], dict)
    ]
