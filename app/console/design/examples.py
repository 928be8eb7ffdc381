"""Examples of what components show, one for each state that they have. Made up; of no stack."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from app.clock import utc_now
from app.console.operations.read_detail import StepRow
from app.console.shell.charts import ColumnChart, Series, stack_columns
from app.console.shell.forms.entry import FormEntry
from app.console.shell.forms.fields import Option, build_fields, leaves
from app.console.shell.graph_layout import Edge
from app.console.shell.graphs import Node, Picture, draw
from app.console.shell.labels.operations import OPERATION, STEP
from app.console.shell.rows import OperationRow
from app.console.stacks.read_operations import TimelineEntry, as_timeline
from app.domain.operations import FINAL, StepName
from app.domain.plan_summary import PlanSummary
from app.errors import FieldProblem
from app.models import OperationEvent

SERIES = (Series("a", "Fine", "good"), Series("b", "Wrong", "bad"), Series("c", "Quiet", "quiet"))
TONES = ("good", "busy", "attention", "bad", "quiet")
ICONS = dict(zip(TONES, ("check", "clock", "alert", "cross", "minus"), strict=True))
ATTRIBUTES: list[dict[str, Any]] = [
    {"path": "size", "before": "small", "after": "large"},
    {"path": "cidr", "before": "10.0.0.0/16", "after": "10.9.0.0/16", "forces_replacement": True},
    {"path": "password", "before": "********", "after": "********", "sensitive": True},
    {"path": "rules", "before": None, "after": [{"port": port, "open": True} for port in range(9)]},
]
WRONG = "/form/wrong"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["text", "choice", "reference"],
    "properties": {
        "text": {"type": "string", "title": "Text", "description": "What it is for."},
        "wrong": {"type": "string", "title": "Text that is wrong", "description": "What it takes."},
        "number": {
            "type": "integer",
            "title": "Number",
            "minimum": 1,
            "maximum": 90,
            "x-unit": "days",
            "x-immutable": True,
        },
        "choice": {"enum": ["small", "large"], "title": "Choice", "default": "small"},
        "reference": {
            "type": "string",
            "title": "Stack, of a few",
            "x-references": {"kind": "network"},
        },
        "long": {
            "type": ["string", "null"],
            "title": "Stack, of many",
            "x-references": {"kind": "many"},
        },
        "missing": {
            "type": ["string", "null"],
            "title": "Stack, of none",
            "x-references": {"kind": "database"},
        },
        "flag": {"type": "boolean", "title": "Yes or no", "description": "What it switches on."},
        "lines": {"type": "array", "title": "List", "items": {"type": "string"}},
        "pairs": {"type": "object", "title": "Map", "additionalProperties": {"type": "string"}},
        "secret": {"type": "string", "title": "Secret", "x-sensitive": True},
        "group": {
            "type": "object",
            "title": "Group",
            "description": "Fields that belong together.",
            "properties": {
                "first": {"type": "string", "title": "First"},
                "second": {"type": "boolean", "title": "Second"},
            },
        },
    },
}
STACKS = {"network": ("web", "shop"), "many": tuple(f"net-{number}" for number in range(20))}


def moments() -> list[datetime]:
    """Return now, a time before and a time to come."""
    now = utc_now()
    return [now, now - timedelta(minutes=5), now + timedelta(hours=3)]


def form() -> FormEntry:
    """Return a form with every kind of field, one of them wrong."""
    fields = build_fields(
        SCHEMA, "/form", None, lambda kind: [Option(name, name) for name in STACKS.get(kind, ())]
    )
    typed = {item.pointer: str(item.default or "") for item in leaves(fields)}
    typed |= {WRONG: "wrong", "/form/flag": "on", "/form/pairs": "team=web"}
    return FormEntry(fields, typed, problems=(FieldProblem(WRONG, "What is wrong with it."),))


def steps() -> list[StepRow]:
    """Return a step of every status."""
    now, names = utc_now(), list(StepName)
    return [
        StepRow(
            names[number % len(names)],
            status,
            now - timedelta(seconds=65) if status in ("done", "failed", "running") else None,
            now - timedelta(seconds=5) if status in ("done", "failed") else None,
        )
        for number, status in enumerate(STEP)
    ]


def timeline() -> list[TimelineEntry]:
    """Return an operation of every status."""
    return as_timeline([_operation(number, status) for number, status in enumerate(OPERATION)])


def log() -> list[OperationEvent]:
    """Return a line of every level."""
    return [
        OperationEvent(id=number, at=utc_now(), type="note", level=level, message=text, data=None)
        for number, (level, text) in enumerate(
            (
                ("info", "Creating a_resource.this"),
                ("warn", "The provider answers slowly."),
                ("error", "Quota reached: " + "a long word " * 12),
            )
        )
    ]


def chart() -> ColumnChart:
    """Return a chart with a gap."""
    points: list[tuple[str, dict[str, int] | None]] = [
        (f"day {day}", {"a": day % 5, "b": day % 3, "c": day % 2}) for day in range(1, 15)
    ]
    return stack_columns([("day 0", None), *points], SERIES)


def empty_chart() -> ColumnChart:
    """Return a chart with nothing to draw."""
    return stack_columns([(f"day {day}", {}) for day in range(1, 15)], SERIES)


def picture() -> Picture:
    """Return a graph with a box of every tone, one of them not there yet."""
    names = [f"{tone}-{number}" for number in (1, 2) for tone in TONES]
    nodes = [
        Node(name, f"box {name}", tone, tone, ICONS[tone], "#graph", is_new=name == names[-1])
        for name in names
        for tone in [name.partition("-")[0]]
    ]
    edges = [Edge(names[0], name) for name in names[1:5]]
    edges += [Edge(names[number], names[number + 5]) for number in range(5)]
    return draw(nodes, [*edges, Edge(names[1], names[9])])


def _operation(number: int, status: str) -> OperationRow:
    began = utc_now() - timedelta(minutes=10 * number + 1)
    has_begun = status != "pending"
    return OperationRow(
        id=f"op_{number}",
        type=("apply", "plan", "destroy")[number % 3],
        status=status,
        stack_id="stk_0",
        stack_name="web",
        stack_kind="network",
        requested_by="admin",
        created_at=began,
        started_at=began if has_begun else None,
        ended_at=began + timedelta(seconds=7 * number) if status in FINAL else None,
        is_waiting_for_approval=status == "planned",
        plan=PlanSummary(add=number % 4, change=1, destroy=number % 2, move=number % 3).to_dict(),
    )
