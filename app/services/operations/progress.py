"""How far an apply has come, told by Terraform's own events, and the end of an operation's log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.models import Operation, OperationEvent

STARTED, COMPLETED, FAILED = "apply_start", "apply_complete", "apply_errored"
CHANGES = ("create", "update", "delete")


@dataclass(frozen=True)
class ResourceAtWork:
    """A resource that Terraform works on now, since when."""

    address: str
    action: str
    since: datetime


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` steps on resources, ``failed`` of them, and those under way.

    A replacement is two steps: the old one goes and the new one comes.
    """

    done: int
    total: int
    failed: int
    at_work: tuple[ResourceAtWork, ...]

    @property
    def percent(self) -> int:
        """How much is done, 0 to 100."""
        return min(100, self.done * 100 // self.total) if self.total else 0


def read_progress(session: Session, operation: Operation) -> Progress | None:
    """Return the progress of an operation, or ``None`` before it began to apply."""
    if operation.plan_summary is None or not operation.has_applied:
        return None
    query = (
        select(OperationEvent)
        .where(
            OperationEvent.operation_id == operation.id,
            OperationEvent.type.in_((STARTED, COMPLETED, FAILED)),
        )
        .order_by(OperationEvent.id)
    )
    done = failed = 0
    at_work: dict[tuple[str, str], ResourceAtWork] = {}
    for event in session.scalars(query):
        data = event.data or {}
        address, action = str(data.get("address", "")), str(data.get("action", ""))
        if action not in CHANGES:
            continue
        if event.type == STARTED:
            at_work[address, action] = ResourceAtWork(address, action, event.at)
            continue
        at_work.pop((address, action), None)
        done += event.type == COMPLETED
        failed += event.type == FAILED
    total = _steps(operation.plan_summary)
    return Progress(done, max(total, done + failed + len(at_work)), failed, tuple(at_work.values()))


def last_events(
    session: Session, operation_id: str, limit: int, text: str | None = None
) -> list[OperationEvent]:
    """Return the last ``limit`` events of an operation, oldest first; those with ``text`` in it."""
    query = select(OperationEvent).where(*_of(operation_id, text))
    return list(session.scalars(query.order_by(OperationEvent.id.desc()).limit(limit)))[::-1]


def count_events(session: Session, operation_id: str, text: str | None = None) -> int:
    """Return how many events an operation has, or how many of them hold ``text``."""
    query = select(func.count(OperationEvent.id)).where(*_of(operation_id, text))
    return session.scalar(query) or 0


def _of(operation_id: str, text: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [OperationEvent.operation_id == operation_id]
    if text is not None:
        conditions.append(OperationEvent.message.icontains(text, autoescape=True))
    return conditions


def _steps(summary: dict[str, int]) -> int:
    counts = {name: int(summary.get(name, 0)) for name in ("add", "change", "destroy", "replace")}
    return counts["add"] + counts["change"] + counts["destroy"] + 2 * counts["replace"]
