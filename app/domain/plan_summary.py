"""Counts of what a plan would do, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOTHING_TO_DO = "Nothing to do: the cloud is as described."
COUNTED = (
    ("destroy", "destroy"),
    ("replace", "replace"),
    ("forget", "forget"),
    ("change", "change"),
    ("import", "import"),
    ("move", "move"),
    ("add", "create"),
)
"""Each count with its verb, losses first."""


@dataclass(frozen=True)
class PlanSummary:
    """Numbers of resources; a replacement counts under ``replace`` only.

    ``import_``, ``move`` and ``forget`` change the record of a resource. One that is imported or
    moved and changed as well counts under both. One that is forgotten stays in the cloud.
    """

    add: int = 0
    change: int = 0
    destroy: int = 0
    replace: int = 0
    import_: int = 0
    move: int = 0
    forget: int = 0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PlanSummary:
        """Rebuild what ``to_dict`` made; summaries of older versions have fewer counts."""
        return cls(**{_field(name): int(data.get(name, 0)) for name, _ in COUNTED})

    @property
    def is_empty(self) -> bool:
        """Tell whether the plan does nothing to any resource or its record."""
        return not any(self.to_dict().values())

    @property
    def loses(self) -> int:
        """Return how many resources are destroyed, for good or to be made anew."""
        return self.destroy + self.replace

    @property
    def needs_consent(self) -> bool:
        """Tell whether something is lost, or enters or leaves the record: a person should know."""
        return bool(self.loses or self.forget or self.import_)

    def sentence(self, changed_outputs: int = 0) -> str:
        """Say the plan in one sentence, losses first.

        Args:
            changed_outputs: how many outputs change; told where nothing else happens.
        """
        counts = self.to_dict()
        said = [f"{verb} {counts[name]}" for name, verb in COUNTED if counts[name]]
        if said:
            noun = "resource" if sum(counts.values()) == 1 else "resources"
            kept = " What is forgotten stays in the cloud." if self.forget else ""
            return f"Will {', '.join(said)} {noun}.{kept}"
        if changed_outputs:
            noun = "output" if changed_outputs == 1 else "outputs"
            return f"Will change {changed_outputs} {noun} and no resource."
        return NOTHING_TO_DO

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {
            "add": self.add,
            "change": self.change,
            "destroy": self.destroy,
            "replace": self.replace,
            "import": self.import_,
            "move": self.move,
            "forget": self.forget,
        }


def with_all_counts(summary: Mapping[str, Any] | None) -> dict[str, int] | None:
    """Return a stored summary with every count, also those that its version did not have."""
    return None if summary is None else PlanSummary.from_dict(summary).to_dict()


def _field(name: str) -> str:
    return "import_" if name == "import" else name
