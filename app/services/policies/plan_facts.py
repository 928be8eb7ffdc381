"""Facts of a plan or of drift: totals, and each change by itself; values are masked already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from app.cel.evaluation import Given

COUNTS = {
    "add": "plan.add",
    "change": "plan.change",
    "destroy": "plan.destroy",
    "replace": "plan.replace",
    "import": "plan.adopt",
    "move": "plan.move",
    "forget": "plan.forget",
}
UNCHANGED = ("no-op", "read")
Change = Mapping[str, Any]


def plan_given(
    stack_facts: Mapping[str, Any], summary: Mapping[str, int], changes: Iterable[Change]
) -> Given:
    """Return what rules are evaluated with at a plan.

    Args:
        stack_facts: as ``asking.stack_facts`` gives them.
        summary: the counts of the plan (``PlanSummary.to_dict``).
        changes: as ``ResourceChange.to_dict`` gives them; what does not change is left out.
    """
    wanted = [item for item in changes if item["action"] not in UNCHANGED]
    totals = {fact: summary.get(name, 0) for name, fact in COUNTS.items()}
    counted = {
        "plan.by_type": dict(Counter(item["type"] for item in wanted)),
        "plan.by_action": dict(Counter(item["action"] for item in wanted)),
    }
    return Given({**stack_facts, **totals, **counted}, [_facts(item) for item in wanted])


def adopted(changes: Iterable[Change]) -> list[Change]:
    """Return the changes that take a resource into the state."""
    return [item for item in changes if item.get("imported_id") is not None]


def drift_given(stack_facts: Mapping[str, Any], changes: Iterable[Change]) -> Given:
    """Return what rules are evaluated with at drift.

    Args:
        stack_facts: as ``asking.stack_facts`` gives them.
        changes: what differs outside, as a drift report has it; ``before`` and ``after`` of a rule
            have the attributes that differ, by their paths.
    """
    found = list(changes)
    by_change = Counter(item["change"] for item in found)
    totals = {f"drift.{name}": by_change[name] for name in ("updated", "deleted", "created")}
    types = {"drift.by_type": dict(Counter(item["type"] for item in found))}
    return Given({**stack_facts, **totals, **types}, [_drift_facts(item) for item in found])


def _drift_facts(item: Change) -> dict[str, Any]:
    attributes = item.get("attributes") or ()
    return {
        "change.address": item.get("address") or "",
        "change.type": item["type"],
        "change.name": item.get("name") or "",
        "change.action": item["change"],
        "change.before": {part["path"]: part["before"] for part in attributes},
        "change.after": {part["path"]: part["after"] for part in attributes},
    }


def _facts(item: Change) -> dict[str, Any]:
    return {
        "change.address": item["address"],
        "change.type": item["type"],
        "change.name": item["name"],
        "change.action": item["action"],
        "change.before": _object(item["before"]),
        "change.after": _object(item["after"]),
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
