"""Why an operation does not go on, in words.

Reads what SQL knows: other operations, and the facts that the scheduler notes about the volume and
about capacity. It starts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    Row,
    Select,
    bindparam,
    case,
    func,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app.clock import rfc3339
from app.domain.operation_registry import facts_of, types_where
from app.domain.operations import ACTIVE, OperationStatus
from app.domain.plain_words import counted, in_words
from app.domain.queueing import Priority, Waiting
from app.domain.stacks import StateBackend
from app.models import InstallationFact, Operation, Stack, StackLock
from app.services.projects.change_control import closures
from app.services.queue import reference_waits
from app.services.queue.interruptions import wait_of
from app.services.queue.order import holds, is_blocked, is_preemptible

WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
VOLUME_TROUBLE = "volume_trouble"
"""Name of the fact that says what is wrong with the state volume."""

BUCKET_TROUBLE = "state_bucket_trouble"
"""Name of the fact that says what is wrong with the state bucket."""

WORK_TROUBLE = "work_folder_trouble"
"""Name of the fact that says what is wrong with the work folder."""

QUEUE_TROUBLE = "queue_trouble"
"""Name of the fact that says why Redis takes no work."""

CAPACITY = "capacity"
"""Name of the fact that says which limits are reached."""

FACTS = (CAPACITY, BUCKET_TROUBLE, VOLUME_TROUBLE, WORK_TROUBLE, QUEUE_TROUBLE)


def waiting_for(session: Session, operation: Operation) -> dict[str, Any] | None:
    """Say in words why the operation does not go on, or ``None`` when it runs or has ended."""
    return waits_of(session, [operation]).get(operation.id)


def waits_of(session: Session, operations: Sequence[Operation]) -> dict[str, dict[str, Any]]:
    """Say in words why each operation does not go on, by id, with the same few queries for all.

    Those that run or have ended are left out.
    """
    waits: dict[str, dict[str, Any]] = {
        item.id: {
            "reason": "approval",
            "detail": "The plan awaits approval: approve or discard it.",
        }
        for item in operations
        if item.status == OperationStatus.PLANNED and item.approved_at is None
    }
    waits |= _waits_for_windows(session, operations)
    beginning = [*filter(_has_not_begun, operations)]
    situations = _read_situations(session, {item.stack_id for item in beginning})
    waits |= _waits_for_people(situations, beginning)
    pending = [
        item
        for item in operations
        if item.status == OperationStatus.PENDING and item.id not in waits
    ]
    if not pending:
        return waits
    waits |= reference_waits.explain(session, pending)
    pending = [item for item in pending if item.id not in waits]
    facts = _facts(session)
    capacity = facts.get(CAPACITY) or {}
    bucket = _trouble(facts, BUCKET_TROUBLE, "state_bucket")
    volume = _trouble(facts, VOLUME_TROUBLE, "volume")
    work_folder = _trouble(facts, WORK_TROUBLE, "work_folder")
    queue = _trouble(facts, QUEUE_TROUBLE, "queue")
    positions = _positions(session, pending)
    for item in pending:
        holder, first = situations[item.stack_id].holder, situations[item.stack_id].first
        if holder is not None:
            waits[item.id] = _waits_for_holder(holder)
        elif first is not None and first.id != item.id:
            detail = f"An earlier {in_words(first.type)} of this stack is queued."
            waits[item.id] = {"reason": "operation", "operation_id": first.id, "detail": detail}
        else:
            waiting = _waiting(item)
            waits[item.id] = (
                (bucket if item.stack.state_backend == StateBackend.S3 else volume)
                or work_folder
                or _waits_for_room(waiting, item.stack, capacity)
                or queue
                or _waits_for_worker(positions.get(item.id, 1))
            )
    return waits


def _waits_for_windows(
    session: Session, operations: Sequence[Operation]
) -> dict[str, dict[str, Any]]:
    """Return what approved plans wait for that may not be applied at this time."""
    approved = [item for item in operations if _is_approved(item) and not item.overrides_windows]
    if not approved:
        return {}
    closed = closures(session)
    found = {item.id: closed.of(item.stack.project_id) for item in approved}
    return {name: closure.to_wait() for name, closure in found.items() if closure is not None}


def _waits_for_people(
    situations: Mapping[str, _Situation], operations: Sequence[Operation]
) -> dict[str, dict[str, Any]]:
    """Return what those wait for that a lock or an unresolved interruption keeps from a change."""
    waits = {}
    for item in operations:
        if not facts_of(item.type).may_mutate:
            continue
        found = situations[item.stack_id]
        if found.blocker is not None and item.resolves_id != found.blocker.id:
            waits[item.id] = wait_of(found.blocker)
        elif found.lock is not None:
            waits[item.id] = {
                "reason": "lock",
                "holder": found.lock.holder,
                "since": rfc3339(found.lock.since),
                "detail": _why_locked(found.lock),
            }
    return waits


def _has_not_begun(operation: Operation) -> bool:
    """Tell whether it has changed nothing yet, and nobody is asked to approve it."""
    return operation.status == OperationStatus.PENDING or _is_approved(operation)


def _is_approved(operation: Operation) -> bool:
    return operation.status == OperationStatus.PLANNED and operation.approved_at is not None


def _why_locked(lock: Row[Any]) -> str:
    return f"{lock.holder} has locked the stack: {lock.reason}"


@dataclass
class _Situation:
    """What on a stack keeps its operations from starting: rows of ``_situations``, or nothing.

    Attributes:
        lock: with ``holder``, ``reason`` and ``since``.
        blocker: the interruption that is not resolved.
        holder: the operation that holds the stack.
        first: the one that is next to start.
    """

    lock: Row[Any] | None = None
    blocker: Row[Any] | None = None
    holder: Row[Any] | None = None
    first: Row[Any] | None = None


def _read_situations(session: Session, stack_ids: Collection[str]) -> dict[str, _Situation]:
    """Return the situation of each stack."""
    found: dict[str, _Situation] = defaultdict(_Situation)
    if not stack_ids:
        return found
    for row in session.execute(_situations(), {"wanted": sorted(stack_ids)}):
        situation = found[row.stack_id]
        if row.reason is not None:
            situation.lock = row
        if row.holds_back:
            situation.blocker = row
        if row.status == OperationStatus.PENDING:
            situation.first = row
        elif row.status in ACTIVE or row.has_unsaved_state:
            situation.holder = row
    return found


# Put together once: each answer about an operation that waits asks these, which costs less.
@cache
def _situations() -> Select[Any]:
    """Return what asks for a lock, and for the operations that ``_Situation`` tells of."""
    may_start = (Operation.status == OperationStatus.PENDING) & ~is_blocked(Operation)
    heads = union_all(_oldest(holds(Operation)), _oldest(may_start))
    is_told = Operation.holds_back | Operation.id.in_(heads)
    return (
        select(
            Stack.id.label("stack_id"),
            StackLock.holder,
            StackLock.reason,
            StackLock.since,
            Operation.id,
            Operation.type,
            Operation.status,
            Operation.has_unsaved_state,
            Operation.holds_back,
            Operation.possibly_orphaned,
            Operation.orphans_searched_at,
        )
        .outerjoin(StackLock, StackLock.stack_id == Stack.id)
        .outerjoin(Operation, (Operation.stack_id == Stack.id) & is_told)
        .where(Stack.id.in_(WANTED))
        .order_by(Operation.id)
    )


@cache
def _noted() -> Select[Any]:
    return select(InstallationFact.name, InstallationFact.value).where(
        InstallationFact.name.in_(FACTS)
    )


def _oldest(condition: ColumnElement[bool]) -> Select[Any]:
    own = case((~is_preemptible(Operation), Operation.id))
    return (
        select(func.coalesce(func.min(own), func.min(Operation.id)))
        .where(Operation.stack_id.in_(WANTED), condition)
        .group_by(Operation.stack_id)
    )


@cache
def _queue() -> Select[Any]:
    order = (queue_priority(), Operation.id)
    queue = (
        select(Operation.id, func.row_number().over(order_by=order).label("position"))
        .where(Operation.status == OperationStatus.PENDING)
        .subquery()
    )
    return select(queue.c.id, queue.c.position).where(queue.c.id.in_(WANTED))


@cache
def _ahead() -> Select[Any]:
    own = bindparam("priority", type_=Integer)
    is_ahead = (queue_priority() == own) & (Operation.id < bindparam("id"))
    return select(func.count()).where(
        Operation.status == OperationStatus.PENDING, (queue_priority() < own) | is_ahead
    )


def _positions(session: Session, wanted: Sequence[Operation]) -> dict[str, int]:
    """Return the place in the whole queue of each operation that is wanted, from 1."""
    if len(wanted) == 1:  # those ahead are counted, which takes less than to order all of them
        (item,) = wanted
        asked = {"priority": int(_waiting(item).priority), "id": item.id}
        return {item.id: 1 + session.execute(_ahead(), asked).scalar_one()}
    rows = session.execute(_queue(), {"wanted": sorted(item.id for item in wanted)})
    return {row.id: row.position for row in rows}


def queue_priority() -> ColumnElement[int]:
    """Return ``Waiting.priority`` in SQL, so that a long queue is counted where it lies."""
    is_look = Operation.type.not_in(types_where(lambda facts: facts.may_mutate))
    return case(
        (is_preemptible(Operation), int(Priority.SCHEDULED)),
        (is_look, int(Priority.LOOK)),
        else_=int(Priority.CHANGE),
    )


def _waiting(row: Operation) -> Waiting:
    return Waiting(row.id, row.stack.project_id, row.type, row.requested_by)


def _facts(session: Session) -> dict[str, Any]:
    """Return what the scheduler has noted of all that keeps work from starting, by name."""
    return {row.name: row.value for row in session.execute(_noted())}


def _waits_for_room(item: Waiting, stack: Stack, capacity: dict[str, Any]) -> dict[str, Any] | None:
    """Return which limit keeps the operation from starting, if one does."""
    why = (capacity.get("memory") or {}).get(f"{stack.cloud}/{stack.kind}")
    if why is not None:
        return {"reason": "memory", "detail": why}
    if item.project_id in capacity.get("full_projects", ()):
        detail = f"The project runs {capacity['per_project']} operations, as many as it may."
        return {"reason": "project_limit", "detail": detail}
    if item.priority is Priority.SCHEDULED and capacity.get("is_drift_full"):
        detail = "As many scheduled drift checks run as may run at once."
        return {"reason": "drift_limit", "detail": detail}
    return None


def bucket_trouble(session: Session) -> dict[str, Any] | None:
    """Return why nothing can start whose state is on S3, as the scheduler last saw the bucket."""
    return _trouble(_facts(session), BUCKET_TROUBLE, "state_bucket")


def _trouble(facts: Mapping[str, Any], name: str, reason: str) -> dict[str, Any] | None:
    """Return why nothing can start, as the scheduler last saw a part that all work needs."""
    return {"reason": reason, **facts[name]} if facts.get(name) else None


def _waits_for_holder(holder: Row[Any]) -> dict[str, Any]:
    return {
        "reason": "unsaved_state" if holder.has_unsaved_state else "operation",
        "operation_id": holder.id,
        "detail": _why_held(holder),
    }


def _waits_for_worker(position: int) -> dict[str, Any]:
    ahead = counted(position - 1, "operation")
    return {
        "reason": "worker",
        "position": position,
        "detail": f"Waits for a free worker; {ahead} ahead in the queue.",
    }


def _why_held(holder: Row[Any]) -> str:
    if holder.has_unsaved_state:
        return "The state of an interrupted operation is being saved first."
    if holder.status == OperationStatus.PLANNED:
        return f"An earlier {in_words(holder.type)} of this stack waits for approval."
    return f"An earlier {in_words(holder.type)} of this stack is running."
