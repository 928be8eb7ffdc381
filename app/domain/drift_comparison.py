"""What a comparison of reality, recorded state and configuration shows; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.plan_summary import PlanSummary


@dataclass(frozen=True)
class Comparison:
    """What Terraform found; ``changes`` were made outside, masked and ready for a report.

    ``summary`` is what the configuration wants beyond the recorded state.
    """

    changes: tuple[dict[str, Any], ...] = ()
    has_pending_changes: bool = False
    summary: PlanSummary = field(default_factory=PlanSummary)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {
            "changes": [*self.changes],
            "has_pending_changes": self.has_pending_changes,
            "summary": self.summary.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Comparison:
        """Rebuild what ``to_dict`` made."""
        return cls(
            changes=tuple(data["changes"]),
            has_pending_changes=data["has_pending_changes"],
            summary=PlanSummary.from_dict(data["summary"]),
        )
