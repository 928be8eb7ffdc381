"""Name what may exist in the cloud although no state knows it.

What Terraform reported is read from SQL, where each event is written as it happens, and from the
lines in the run directory, which has the last moments before a worker died. Either will do: the
directory may be gone, and so may the worker.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.operations import OperationStatus
from app.domain.state_file import StateFile
from app.models import Operation, OperationEvent
from app.services.engine.rollback import read_forgotten
from app.storage.run_directory import RunDirectory
from app.terraform.events import Event, parse_events
from app.terraform.orphan_candidates import possibly_orphaned

APPLY_START = "apply_start"
TELLING = (APPLY_START, "apply_complete", "apply_errored", "diagnostic")
"""Types of events that tell what became of a resource."""


def find_orphans(
    session: Session, operation: Operation, directory: RunDirectory, state: StateFile | None
) -> list[dict[str, Any]]:
    """Compare the events of an apply with the state that was saved.

    Args:
        session: an open transaction.
        operation: the one whose apply has ended, however.
        directory: its run directory, which may be gone.
        state: the state of record afterwards.

    Returns:
        ``{address, type, id, reason}`` of each resource whose creation began, or ended, without a
        record in ``state``, and of what a rollback left out of the state; empty when there was
        no apply.
    """
    found = possibly_orphaned(_events(session, operation.id, directory), state)
    forgotten = read_forgotten(directory) or operation.possibly_orphaned
    return [*(asdict(orphan) for orphan in found), *forgotten]


def has_started(session: Session, operation_id: str) -> bool:
    """Tell whether Terraform began to change a resource, as far as SQL knows."""
    query = select(OperationEvent.id).where(
        OperationEvent.operation_id == operation_id, OperationEvent.type == APPLY_START
    )
    return session.scalar(query.limit(1)) is not None


def was_ever_applied(session: Session, operation: Operation) -> bool:
    """Tell whether any other operation of the stack has begun to change the cloud."""
    query = select(Operation.id).where(
        Operation.stack_id == operation.stack_id,
        Operation.id != operation.id,
        Operation.has_applied,
    )
    return session.scalar(query.limit(1)) is not None


def addresses_by_id(session: Session, stack_id: str) -> dict[str, str]:
    """Return under which address each resource of a stack was ever made or missed, by its id."""
    query = (
        select(OperationEvent.data)
        .join(Operation, Operation.id == OperationEvent.operation_id)
        .where(Operation.stack_id == stack_id, OperationEvent.type == "apply_complete")
        .order_by(OperationEvent.id)
    )
    made = [Event.from_dict(data) for data in session.scalars(query) if isinstance(data, dict)]
    found = {event.id_value: event.address for event in made if event.id_value and event.address}
    missed = select(Operation.possibly_orphaned).where(
        Operation.stack_id == stack_id, Operation.status == OperationStatus.INTERRUPTED
    )
    for named in session.scalars(missed):
        found |= {item["id"]: item["address"] for item in named if item["id"] and item["address"]}
    return found


def _events(session: Session, operation_id: str, directory: RunDirectory) -> Iterator[Event]:
    """Yield the events of an apply in their order, and each of them once."""
    query = select(OperationEvent.data).where(
        OperationEvent.operation_id == operation_id, OperationEvent.type.in_(TELLING)
    )
    known: Counter[tuple[str, str | None, str | None]] = Counter()
    for data in session.scalars(query.order_by(OperationEvent.id)):
        if isinstance(data, dict):
            event = Event.from_dict(data)
            known[(event.type, event.address, event.action)] += 1
            yield event
    for event in _lines(directory):
        key = (event.type, event.address, event.action)
        if known[key]:
            known[key] -= 1
        elif event.type in TELLING:
            yield event


def _lines(directory: RunDirectory) -> list[Event]:
    try:
        with directory.events_path("apply").open(encoding="utf-8", errors="replace") as lines:
            return list(parse_events(lines))
    except OSError:  # it is gone or cannot be read; then SQL has what there was
        return []
