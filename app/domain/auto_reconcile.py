"""When drift is undone without a person: what a stack's owner allowed, what never is. Pure rules.

Reconciling is an apply, so it is automatic only where it does no more than people allowed: it
undoes the changes that were seen, of the kinds that were named, without replacing anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from app.domain.drift import ChangeKind, Mending

RECONCILABLE = (ChangeKind.UPDATED, ChangeKind.DELETED)
"""What was created outside is in no plan."""

GENTLE = (Mending.CREATE, Mending.UPDATE, Mending.NONE)
MAX_PER_DAY = 24
DEFAULT_PER_DAY = 3


@dataclass(frozen=True)
class AutoReconcile:
    """Which kinds of change are undone without a person, and how often within 24 hours."""

    changes: frozenset[ChangeKind]
    per_day: int = DEFAULT_PER_DAY

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` has written."""
        return cls(frozenset(map(ChangeKind, data["changes"])), int(data["per_day"]))

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"changes": sorted(self.changes), "per_day": self.per_day}

    def objection(self, changes: Sequence[Mapping[str, Any]], done: int) -> str | None:
        """Return why a drift is left to people, or nothing when it is not.

        Args:
            changes: what a check saw, as in its report.
            done: how often the stack was reconciled so within the last 24 hours.
        """
        known = [item for item in changes if item["change"] != ChangeKind.CREATED]
        if not known:
            return "What was created outside is in no plan."
        others = {str(item["change"]) for item in known} - {*self.changes}
        if others:
            return f"There are changes of a kind that is not named: {', '.join(sorted(others))}."
        mendings = {item["mending"] for item in known}
        if not mendings <= {*GENTLE}:
            return "Undoing it would replace or delete a resource, or it is not known what it does."
        if mendings <= {Mending.NONE}:
            return "The configuration does not say what should be there instead."
        if done >= self.per_day:
            return f"It was reconciled {done} times in the last 24 hours."
        return None
