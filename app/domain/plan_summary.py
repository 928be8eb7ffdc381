"""Counts of what a plan would do, and the sentence that says it."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class PlanSummary:
    """Numbers of resources; a replacement counts under ``replace`` only."""

    add: int = 0
    change: int = 0
    destroy: int = 0
    replace: int = 0

    @property
    def is_empty(self) -> bool:
        """Tell whether the plan does nothing to any resource."""
        return not (self.add or self.change or self.destroy or self.replace)

    def sentence(self) -> str:
        """Say the plan in one sentence, losses first."""
        if self.is_empty:
            return "Nothing to do: the cloud is as described."
        parts = [
            (self.destroy, "destroy"),
            (self.replace, "replace"),
            (self.change, "change"),
            (self.add, "create"),
        ]
        said = [f"{verb} {count}" for count, verb in parts if count]
        noun = "resource" if sum(count for count, _ in parts) == 1 else "resources"
        return f"Will {', '.join(said)} {noun}."

    def to_dict(self) -> dict[str, int]:
        """Return the four counts by name."""
        return asdict(self)
