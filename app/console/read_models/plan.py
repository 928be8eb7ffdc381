"""A plan for people: what goes first and loud, why, and what stands on it.

Owns the order, the words and how much of a large plan is sent at once. Values are masked already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.console.read_models.rows import OperationRow
from app.console.words import PLAN_VERB
from app.domain.drift_findings import neutral_name
from app.domain.plan_summary import PlanSummary
from app.errors import NotFoundError
from app.models import Operation, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.inventory import plan_of
from app.services.lookup import operation_by_id
from app.services.references import with_all_users

# Losses first: the order in which a person has to see them.
ORDER = ("delete", "replace", "forget", "update", "create", "import", "read")
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


@dataclass(frozen=True)
class Reach:
    """Living stacks that take outputs of this one, directly or not, and outputs that change."""

    stacks: list[tuple[str, str, str]]
    outputs: list[str]


@dataclass(frozen=True)
class PlanView:
    """A plan grouped by action; of ``total`` changes those that ``chosen`` asks for."""

    operation_id: str
    summary: PlanSummary
    sentences: list[str]
    groups: list[PlanGroup]
    outputs: list[Mapping[str, Any]]
    reach: Reach
    chosen: PlanChoice
    total: int

    @property
    def found(self) -> int:
        """How many changes match the choice, shown or not."""
        return sum(group.total for group in self.groups)

    @property
    def is_losing(self) -> bool:
        """Tell whether something is destroyed or replaced."""
        return bool(self.summary.destroy or self.summary.replace)


def read_plan(
    ctx: Context,
    session: Session,
    principal: Principal,
    operation: Operation,
    chosen: PlanChoice = WHOLE,
) -> PlanView | None:
    """Return the plan of an operation, or ``None`` when it has made none (a drift check too).

    Args:
        ctx, session, principal: as everywhere.
        operation: whose plan.
        chosen: which part of it; a text is looked for in addresses, types and attributes.
    """
    document = _document(ctx, session, principal, operation)
    if document is None:
        return None
    changes = document.get("changes", [])
    outputs = document.get("outputs", [])
    return PlanView(
        operation_id=operation.id,
        summary=PlanSummary(**document["summary"]),
        sentences=_tell(changes),
        groups=_group((item for item in changes if _matches(item, chosen)), chosen),
        outputs=outputs,
        reach=_reach(operation.stack, outputs),
        chosen=chosen,
        total=len(changes),
    )


@dataclass(frozen=True)
class PlanPage:
    """A plan on a page of its own, and whose it is."""

    operation: OperationRow
    plan: PlanView


def read_plan_page(
    ctx: Context, principal: Principal, operation_id: str, chosen: PlanChoice
) -> PlanPage:
    """Read the page of a plan.

    Raises:
        NotFoundError: no such operation, or it has made no plan.
    """
    with ctx.read() as session:
        operation = operation_by_id(session, principal, operation_id)
        plan = read_plan(ctx, session, principal, operation, chosen)
        if plan is None:
            raise NotFoundError(f"Operation {operation_id} has no plan.")
        return PlanPage(OperationRow.of(operation), plan)


def read_planned_actions(
    ctx: Context, session: Session, principal: Principal, operation: Operation
) -> dict[str, str]:
    """Return what the plan of an operation would do to which address; reading is nothing."""
    document = _document(ctx, session, principal, operation) or {}
    changes = ((item["address"], item["action"]) for item in document.get("changes", []))
    return {address: action for address, action in changes if action != "read"}


def _document(
    ctx: Context, session: Session, principal: Principal, operation: Operation
) -> Any | None:
    if operation.plan_summary is None or operation.type == "drift_check":
        return None
    try:
        return plan_of(ctx, session, principal, operation.id)
    except NotFoundError:
        return None


def _tell(changes: Iterable[Mapping[str, Any]]) -> list[str]:
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


def _matches(change: Mapping[str, Any], chosen: PlanChoice) -> bool:
    if chosen.address and change["address"] != chosen.address:
        return False
    if chosen.action and change["action"] != chosen.action:
        return False
    texts = [change["address"], _type(change)]
    texts += [item["path"] for item in change["attributes"]]
    return any(chosen.find.lower() in text.lower() for text in texts)


def _group(changes: Iterable[Mapping[str, Any]], chosen: PlanChoice) -> list[PlanGroup]:
    by_action: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
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


def _reach(stack: Stack, outputs: Sequence[Mapping[str, Any]]) -> Reach:
    users = with_all_users(stack)[1:]
    return Reach(
        stacks=[(user.id, user.name, user.kind) for user in users],
        outputs=[str(item["name"]) for item in outputs],
    )
