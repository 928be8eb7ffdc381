"""What the tab of resources shows: what a stack consists of, and what it stands on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from app.console.operations.read_plan import read_planned_actions
from app.console.shell.graph_layout import Edge, without_shortcuts
from app.console.shell.graphs import Node, Picture, draw
from app.console.shell.labels.families import label_for
from app.console.stacks.read_header import StackHeader, stack_header
from app.domain.drift import DriftStatus
from app.domain.drift_findings import neutral_name
from app.errors import LandformError
from app.models import Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.drift.queries import findings_of
from app.services.lookup import stack_by_id
from app.services.operations.queries import unfinished_of
from app.services.stacks.references import related
from app.services.state.contents import HeldBlock, list_blocks, list_let_go

TABLE_ROWS = 30
NUMBER = re.compile(r"([0-9]{1,18})")
INDEX = re.compile(r"\[[^\]]*\]$|\[\"(?:[^\"\\]|\\.)*\"\]$")
WORST_FIRST = ("delete", "replace", "deposed", "tainted", "deleted", "updated", "update", "create")
MAX_RELATED = 60


@dataclass(frozen=True)
class ResourceRow:
    """One resource: how it stands, what was changed outside, what a waiting plan would do.

    ``status``, ``drift`` and ``planned`` are words for ``label_for``; the last two may be missing.
    """

    block: str
    address: str
    name: str
    id: str | None
    status: str
    drift: str | None
    planned: str | None

    @property
    def concerns(self) -> list[str]:
        """Return what is worth a look, the status only when it is not ``ok``."""
        said = (self.planned, self.drift, self.status if self.status != "ok" else None)
        return [item for item in said if item is not None]


@dataclass(frozen=True)
class ResourcesPage:
    """The tab; of ``total`` rows those from number ``start`` on.

    ``unknown`` says why the state could not be read.
    """

    header: StackHeader
    rows: list[ResourceRow]
    total: int
    start: int
    resources: Picture
    references: Picture
    has_plan: bool
    unknown: str | None
    let_go: Sequence[Mapping[str, Any]]

    @property
    def next_start(self) -> int | None:
        """Return where the next rows begin, or ``None`` on the last page."""
        following = self.start + len(self.rows)
        return following if following < self.total else None


def read_resources(
    ctx: Context, principal: Principal, stack_id: str, start: int = 0
) -> ResourcesPage:
    """Read the tab, its table from row number ``start`` on.

    Raises:
        NotFoundError: no such stack, or the caller cannot see it.
    """
    with ctx.read() as session:
        stack = stack_by_id(session, principal, stack_id)
        header = stack_header(ctx, session, principal, stack)
        drift = _drift(session, stack)
        planned = _planned(ctx, session, principal, stack)
        references = _draw_references(stack)
        let_go = list_let_go(stack)
    try:
        blocks, unknown = list_blocks(ctx, stack_id), None
    except LandformError as error:
        blocks, unknown = [], error.detail
    rows = _rows(blocks, drift, planned)
    start = min(start, max(len(rows) - 1, 0)) // TABLE_ROWS * TABLE_ROWS
    return ResourcesPage(
        header=header,
        rows=rows[start : start + TABLE_ROWS],
        total=len(rows),
        start=start,
        resources=_draw_resources(blocks, rows, start),
        references=references,
        has_plan=bool(planned),
        unknown=unknown,
        let_go=let_go,
    )


def block_of(address: str) -> str:
    """Return the address of the block that an instance belongs to."""
    return INDEX.sub("", address)


def _drift(session: Session, stack: Stack) -> dict[str, str]:
    if stack.drift_status == DriftStatus.NOT_CHECKED:
        return {}
    found = findings_of(session, [stack.id])
    return {row.address: row.change for row in found if row.address is not None}


def _planned(ctx: Context, session: Session, principal: Principal, stack: Stack) -> dict[str, str]:
    """Return what the plan of the first unfinished operation would do, by address."""
    for operation in unfinished_of(session, stack.id):
        planned = read_planned_actions(ctx, session, principal, operation)
        if planned:
            return planned
    return {}


def _rows(
    blocks: Sequence[HeldBlock], drift: Mapping[str, str], planned: Mapping[str, str]
) -> list[ResourceRow]:
    rows = [
        ResourceRow(
            block=block.address,
            address=item.address,
            name=neutral_name(
                block.type, block.name, None if item.name == block.name else item.name
            ),
            id=item.id,
            status=item.status,
            drift=drift.get(item.address),
            planned=planned.get(item.address),
        )
        for block in blocks
        for item in block.instances
    ]
    held = {row.address for row in rows}
    rows += [
        ResourceRow(
            block_of(address), address, _name(block_of(address)), None, "planned", None, action
        )
        for address, action in planned.items()
        if address not in held
    ]
    return sorted(rows, key=lambda row: _natural(row.address))


def _natural(address: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers in an address as numbers: 2 before 10."""
    parts = (part for part in NUMBER.split(address) if part)
    return [(int(part), "") if NUMBER.fullmatch(part) else (0, part) for part in parts]


def _draw_resources(
    blocks: Sequence[HeldBlock], rows: Sequence[ResourceRow], start: int
) -> Picture:
    by_block: dict[str, list[ResourceRow]] = {}
    for row in rows:
        by_block.setdefault(row.block, []).append(row)
    titles = {block.address: neutral_name(block.type, block.name) for block in blocks}
    place = {row.address: number for number, row in enumerate(rows)}
    nodes = [
        _resource_node(
            address, titles.get(address), of_block, _row_href(place[of_block[0].address], start)
        )
        for address, of_block in by_block.items()
    ]
    edges = without_shortcuts(
        Edge(base, block.address)
        for block in blocks
        for base in sorted(block.needs)
        if base in by_block
    )
    return draw(nodes, edges)


def _resource_node(address: str, title: str | None, rows: Sequence[ResourceRow], href: str) -> Node:
    concerns = Counter(item for row in rows for item in row.concerns if item != "planned")
    worst = next((item for item in WORST_FIRST if concerns[item]), "ok")
    word = label_for("action" if worst not in ("ok", "tainted", "deposed") else "resource", worst)
    said = f"{concerns[worst]} of {len(rows)}: " if len(rows) > 1 and worst != "ok" else ""
    count = f"all {len(rows)} " if len(rows) > 1 and worst == "ok" else ""
    return Node(
        name=address,
        title=title or _name(address),
        detail=f"{said}{count}{word.text.lower()}",
        tone=word.tone,
        icon=word.icon,
        href=href,
        is_new=all(row.status == "planned" for row in rows),
    )


def _row_href(place: int, start: int) -> str:
    """Return the address of a row of the table, which may be on another page of it."""
    page = place // TABLE_ROWS * TABLE_ROWS
    return f"#resource-{place}" if page == start else f"?start={page}#resource-{place}"


def _name(address: str) -> str:
    """Return the neutral name of a block of which only the address is known."""
    kind, _, name = address.rpartition(".")
    return neutral_name(kind.rpartition(".")[2], name)


def _draw_references(stack: Stack) -> Picture:
    stacks = related(stack, MAX_RELATED)
    edges = [Edge(link.target_id, item.id) for item in stacks for link in item.references]
    return draw(map(_stack_node, stacks), _unique(edges))


def _stack_node(stack: Stack) -> Node:
    is_quiet = stack.drift_status in (DriftStatus.IN_SYNC, DriftStatus.NOT_CHECKED)
    is_ready = stack.status == "ready" and not is_quiet
    word = label_for("drift", stack.drift_status) if is_ready else label_for("stack", stack.status)
    return Node(
        name=stack.id,
        title=stack.name,
        detail=f"{stack.kind} · {word.text.lower()}",
        tone=word.tone,
        icon=word.icon,
        href=url_for("console.show_stack", stack_id=stack.id),
    )


def _unique(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(set(edges))
