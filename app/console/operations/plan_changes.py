"""The changes of a plan for people: grouped by action, losses first and unfolded, and in words.

Owns the order, the words and how much of a large plan is sent at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from app.console.shell.labels.operations import PLAN_VERB
from app.domain.drift_findings import neutral_name

# Losses first: the order in which a person has to see them.
ORDER = ("delete", "replace", "forget", "update", "import", "create", "move", "read")
LOSING = ("delete", "replace")
OPEN_UP_TO = 12
SHOWN_CHANGES = 100
"""More of one action are sent when they are asked for, as are the changes of a folded group."""
MAX_ATTRIBUTES = 120
"""More are not sent with the page: each change beyond gets its attributes when it is unfolded."""


@dataclass(frozen=True)
class PlanChoice:
    """Which part of a plan is wanted: by text, one action from a place on, or one resource."""

    find: str = ""
    action: str = ""
    start: int = 0
    address: str = ""

    @property
    def is_narrow(self) -> bool:
        """Tell whether less than the whole plan is wanted."""
        return bool(self.find or self.action or self.address)


WHOLE = PlanChoice()


@dataclass(frozen=True)
class PlannedChange:
    """What happens to one resource, and why; ``left_out`` attributes are sent when asked for."""

    address: str
    name: str
    type: str
    action: str
    reason: str | None
    forced_by: list[str]
    attributes: Sequence[Mapping[str, Any]]
    left_out: int
    imported_id: str | None
    previous_address: str | None


@dataclass(frozen=True)
class PlanGroup:
    """The changes of one action: ``changes`` of ``total``, from the one numbered ``start`` on."""

    action: str
    total: int
    start: int
    changes: list[PlannedChange]
    is_unfolded: bool

    @property
    def is_losing(self) -> bool:
        """Tell whether what is in the resources is lost."""
        return self.action in LOSING

    @property
    def is_open(self) -> bool:
        """Tell whether each change shows its attributes from the start."""
        return self.action in ORDER[:4] and self.total <= OPEN_UP_TO

    @property
    def next_start(self) -> int:
        """Return the number of the first change after those that are shown."""
        return self.start + len(self.changes)

    @property
    def rest(self) -> int:
        """How many changes come after those that are shown."""
        return max(0, self.total - self.next_start)

    @property
    def next_count(self) -> int:
        """How many of the rest are sent at once."""
        return min(self.rest, SHOWN_CHANGES)


def tell(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say in a sentence for each action what it does to how many of which type."""
    types: dict[str, Counter[str]] = {}
    for change in changes:
        types.setdefault(change["action"], Counter())[neutral_name(_type(change))] += 1
    sentences = []
    for action in ORDER:
        if action in types and action != "read":
            said = [_count(name, count) for name, count in types[action].most_common()]
            sentences.append(f"{PLAN_VERB[action]} {', '.join(said)}.")
    return sentences


def _count(name: str, count: int) -> str:
    """Say how many of a type, in the plural of plain English words."""
    if count == 1:
        return f"1 {name}"
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{count} {name}es"
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return f"{count} {name[:-1]}ies"
    return f"{count} {name}s"


def _matches(chosen: PlanChoice, change: Mapping[str, Any]) -> bool:
    if chosen.address and change["address"] != chosen.address:
        return False
    if chosen.action and change["action"] != chosen.action:
        return False
    texts = [change["address"], _type(change)]
    texts += [item["path"] for item in change["attributes"]]
    return any(chosen.find.lower() in text.lower() for text in texts)


def group_changes(changes: Iterable[Mapping[str, Any]], chosen: PlanChoice) -> list[PlanGroup]:
    """Group the changes that are chosen by their action, losses first."""
    by_action: dict[str, list[Mapping[str, Any]]] = {}
    for change in filter(partial(_matches, chosen), changes):
        by_action.setdefault(change["action"], []).append(change)
    known = [name for name in ORDER if name in by_action]
    groups, room = [], MAX_ATTRIBUTES
    for action in [*known, *sorted(set(by_action) - set(ORDER))]:
        of_action = by_action[action]
        is_short = len(of_action) <= OPEN_UP_TO
        is_unfolded = action in LOSING or is_short or chosen.is_narrow
        start = chosen.start if chosen.action else 0
        shown = []
        for change in of_action[start : start + SHOWN_CHANGES] if is_unfolded else ():
            count = len(change["attributes"])
            fits = bool(chosen.address) or (is_short and count <= room)
            shown.append(_describe(change, is_whole=fits))
            room -= count if fits else 0
        groups.append(PlanGroup(action, len(of_action), start, shown, is_unfolded))
    return groups


def _describe(change: Mapping[str, Any], *, is_whole: bool) -> PlannedChange:
    attributes = change["attributes"]
    local = change["address"].rpartition(".")[2].partition("[")[0]
    return PlannedChange(
        address=change["address"],
        name=neutral_name(_type(change), change.get("name", local), change.get("index")),
        type=_type(change),
        action=change["action"],
        reason=change.get("action_reason"),
        forced_by=[item["path"] for item in attributes if item.get("forces_replacement")],
        attributes=attributes if is_whole else [],
        left_out=0 if is_whole else len(attributes),
        imported_id=change.get("imported_id"),
        previous_address=change.get("previous_address"),
    )


def _type(change: Mapping[str, Any]) -> str:
    """Return the resource type; plans of before it was kept have it in the address only."""
    found = change.get("type")
    if found:
        return str(found)
    words = str(change["address"]).partition("[")[0].split(".")
    return words[-2] if len(words) > 1 else words[0]
