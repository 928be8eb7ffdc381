"""A plan for people: what goes first and loud, why, and what stands on it.

Owns the order, the words and how much of a large plan is shown at once. Values are masked already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.console.words import PLAN_VERB
from app.domain.drift_findings import neutral_name
from app.domain.plan_summary import PlanSummary
from app.errors import NotFoundError
from app.models import Operation, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.inventory import plan_of
from app.services.references import with_all_users

# Losses first: the order in which a person has to see them.
ORDER = ("delete", "replace", "forget", "update", "create", "import", "read")
LOSING = ("delete", "replace")
OPEN_UP_TO = 12
MAX_ATTRIBUTES = 1500
"""More are not sent with the page: each change beyond leads to a page of its own attributes."""


@dataclass(frozen=True)
class PlannedChange:
    """What happens to one resource, and why; ``left_out`` attributes are a search away."""

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
    """The changes of one action; a long harmless group starts folded."""

    action: str
    changes: list[PlannedChange]

    @property
    def is_losing(self) -> bool:
        """Tell whether what is in the resources is lost."""
        return self.action in LOSING

    @property
    def is_open(self) -> bool:
        """Tell whether each change shows its attributes from the start."""
        return self.action in ORDER[:4] and len(self.changes) <= OPEN_UP_TO

    @property
    def is_unfolded(self) -> bool:
        """Tell whether the group itself is unfolded from the start: losses always are."""
        return self.is_losing or len(self.changes) <= OPEN_UP_TO


@dataclass(frozen=True)
class Reach:
    """Living stacks that take outputs of this one, directly or not, and outputs that change."""

    stacks: list[tuple[str, str, str]]
    outputs: list[str]


@dataclass(frozen=True)
class PlanView:
    """A plan grouped by action; with ``find`` only what matches, of ``total`` changes."""

    operation_id: str
    summary: PlanSummary
    sentences: list[str]
    groups: list[PlanGroup]
    outputs: list[Mapping[str, Any]]
    reach: Reach
    find: str
    total: int

    @property
    def shown(self) -> int:
        """How many changes match the search."""
        return sum(len(group.changes) for group in self.groups)

    @property
    def is_losing(self) -> bool:
        """Tell whether something is destroyed or replaced."""
        return bool(self.summary.destroy or self.summary.replace)


def read_plan(
    ctx: Context, session: Session, principal: Principal, operation: Operation, find: str = ""
) -> PlanView | None:
    """Return the plan of an operation, or ``None`` when it has made none (a drift check too).

    Args:
        ctx, session, principal: as everywhere.
        operation: whose plan.
        find: shows only changes whose address, type or attributes have this text.
    """
    if operation.plan_summary is None or operation.type == "drift_check":
        return None
    try:
        document = plan_of(ctx, session, principal, operation.id)
    except NotFoundError:
        return None
    changes = document.get("changes", [])
    outputs = document.get("outputs", [])
    return PlanView(
        operation_id=operation.id,
        summary=PlanSummary(**document["summary"]),
        sentences=_tell(changes),
        groups=_group(item for item in changes if _matches(item, find.lower())),
        outputs=outputs,
        reach=_reach(operation.stack, outputs),
        find=find,
        total=len(changes),
    )


def _tell(changes: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say in a sentence for each action what it does to how many of which type."""
    types: dict[str, Counter[str]] = {}
    for change in changes:
        types.setdefault(change["action"], Counter())[neutral_name(_type(change))] += 1
    sentences = []
    for action in ORDER:
        if action in types and action != "read":
            said = [f"{count} {name}" for name, count in types[action].most_common()]
            sentences.append(f"{PLAN_VERB[action]} {', '.join(said)}.")
    return sentences


def _matches(change: Mapping[str, Any], find: str) -> bool:
    texts = [change["address"], _type(change)]
    texts += [item["path"] for item in change["attributes"]]
    return any(find in text.lower() for text in texts)


def _group(changes: Iterable[Mapping[str, Any]]) -> list[PlanGroup]:
    by_action: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        by_action.setdefault(change["action"], []).append(change)
    known = [name for name in ORDER if name in by_action]
    groups, room = [], MAX_ATTRIBUTES
    for action in [*known, *sorted(set(by_action) - set(ORDER))]:
        shown = []
        for change in by_action[action]:
            count = len(change["attributes"])
            # The first one always: a search for it alone must lead to its attributes.
            fits = count <= room or room == MAX_ATTRIBUTES
            shown.append(_describe(change, is_whole=fits))
            room -= count if fits else 0
        groups.append(PlanGroup(action, shown))
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


def _reach(stack: Stack, outputs: Sequence[Mapping[str, Any]]) -> Reach:
    users = with_all_users(stack)[1:]
    return Reach(
        stacks=[(user.id, user.name, user.kind) for user in users],
        outputs=[str(item["name"]) for item in outputs],
    )
