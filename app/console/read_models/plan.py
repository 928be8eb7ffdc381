"""A plan for people: what goes first and loud, then what is replaced, changed and made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.domain.plan_summary import PlanSummary
from app.errors import NotFoundError
from app.models import Operation
from app.services.access import Principal
from app.services.context import Context
from app.services.inventory import plan_of

# Losses first: the order in which a person has to see them.
ORDER = ("delete", "replace", "forget", "update", "create", "read")
OPEN_UP_TO = 12


@dataclass(frozen=True)
class PlanGroup:
    """The changes of one action; a long harmless group starts folded."""

    action: str
    changes: list[Mapping[str, Any]]

    @property
    def is_open(self) -> bool:
        """Tell whether each change shows its attributes from the start."""
        return self.action in ORDER[:4] and len(self.changes) <= OPEN_UP_TO


@dataclass(frozen=True)
class PlanView:
    """A plan grouped by action."""

    summary: PlanSummary
    groups: list[PlanGroup]
    outputs: list[Mapping[str, Any]]


def read_plan(
    ctx: Context, session: Session, principal: Principal, operation: Operation
) -> PlanView | None:
    """Return the plan of an operation, or ``None`` when it has made none (a drift check too)."""
    if operation.plan_summary is None or operation.type == "drift_check":
        return None
    try:
        document = plan_of(ctx, session, principal, operation.id)
    except NotFoundError:
        return None
    changes: dict[str, list[Mapping[str, Any]]] = {}
    for change in document.get("changes", []):
        changes.setdefault(change["action"], []).append(change)
    known = [name for name in ORDER if name in changes]
    other = sorted(set(changes) - set(ORDER))
    return PlanView(
        summary=PlanSummary(**document["summary"]),
        groups=[PlanGroup(name, changes[name]) for name in [*known, *other]],
        outputs=document.get("outputs", []),
    )
