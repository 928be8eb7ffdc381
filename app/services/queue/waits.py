"""Why an operation does not go on, in words.

Reads what SQL knows: other operations, and the facts that the scheduler notes about the volume and
about capacity. It starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, case, func, select
from sqlalchemy.orm import Session

from app.clock import rfc3339
from app.domain.operation_registry import facts_of, types_where
from app.domain.operations import OperationStatus
from app.domain.plain_words import counted, in_words
from app.domain.queueing import Priority, Waiting
from app.domain.stacks import StateBackend
from app.models import InstallationFact, Operation, Stack, StackLock
from app.services.projects.change_control import closures
from app.services.queue import reference_waits
from app.services.queue.interruptions import unresolved_ones, wait_of
from app.services.queue.order import ROW_ALONE, holds, is_blocked, is_preemptible

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
    waits |= _waits_for_locks(session, operations)
    waits |= _waits_for_resolutions(session, operations)
    pending = [
        item
        for item in operations
        if item.status == OperationStatus.PENDING and item.id not in waits
    ]
    if not pending:
        return waits
    waits |= reference_waits.explain(session, pending)
    pending = [item for item in pending if item.id not in waits]
    capacity, bucket = _capacity(session), bucket_trouble(session)
    volume = _trouble(session, VOLUME_TROUBLE, "volume")
    work_folder = _trouble(session, WORK_TROUBLE, "work_folder")
    queue = _trouble(session, QUEUE_TROUBLE, "queue")
    positions = _positions(session, {item.id for item in pending})
    stacks = {item.stack_id for item in pending}
    holders = _first_by_stack(session, stacks, _holders)
    firsts = _first_by_stack(session, stacks, _firsts)
    for item in pending:
        holder, first = holders.get(item.stack_id), firsts.get(item.stack_id)
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


def _waits_for_locks(
    session: Session, operations: Sequence[Operation]
) -> dict[str, dict[str, Any]]:
    """Return what those operations wait for that a person's lock keeps from changing a stack."""
    changes = _changes_to_come(operations)
    if not changes:
        return {}
    locked = sorted({item.stack_id for item in changes})
    found = session.scalars(select(StackLock).where(StackLock.stack_id.in_(locked)))
    locks = {lock.stack_id: lock for lock in found}
    return {
        item.id: {
            "reason": "lock",
            "holder": locks[item.stack_id].holder,
            "since": rfc3339(locks[item.stack_id].since),
            "detail": _why_locked(locks[item.stack_id]),
        }
        for item in changes
        if item.stack_id in locks
    }


def _waits_for_resolutions(
    session: Session, operations: Sequence[Operation]
) -> dict[str, dict[str, Any]]:
    """Return what those operations wait for that an unresolved interruption holds back."""
    changes = _changes_to_come(operations)
    if not changes:
        return {}
    found = unresolved_ones(session, sorted({item.stack_id for item in changes}))
    return {
        item.id: wait_of(found[item.stack_id])
        for item in changes
        if item.stack_id in found and item.resolves_id != found[item.stack_id].id
    }


def _changes_to_come(operations: Sequence[Operation]) -> list[Operation]:
    """Return those that can change their stack and have not begun to."""
    return [
        item
        for item in operations
        if facts_of(item.type).may_mutate
        and (item.status == OperationStatus.PENDING or _is_approved(item))
    ]


def _is_approved(operation: Operation) -> bool:
    return operation.status == OperationStatus.PLANNED and operation.approved_at is not None


def _why_locked(lock: StackLock) -> str:
    return f"{lock.holder} has locked the stack: {lock.reason}"


def _first_by_stack(
    session: Session, stack_ids: Collection[str], condition: Callable[[], Select[Any]]
) -> dict[str, Operation]:
    """Return the first operation of each stack that ``condition`` selects, in their order."""
    rows = session.scalars(condition(), {"wanted": sorted(stack_ids)})
    return {row.stack_id: row for row in rows}


# Put together once: each answer about an operation that waits asks these, which costs less.
@cache
def _holders() -> Select[Any]:
    return _oldest(holds(Operation))


@cache
def _firsts() -> Select[Any]:
    return _oldest((Operation.status == OperationStatus.PENDING) & ~is_blocked(Operation))


def _oldest(condition: ColumnElement[bool]) -> Select[Any]:
    own = case((~is_preemptible(Operation), Operation.id))
    oldest = (
        select(func.coalesce(func.min(own), func.min(Operation.id)))
        .where(Operation.stack_id.in_(WANTED), condition)
        .group_by(Operation.stack_id)
    )
    return select(Operation).where(Operation.id.in_(oldest)).options(ROW_ALONE)


@cache
def _queue() -> Select[Any]:
    order = (queue_priority(), Operation.id)
    queue = (
        select(Operation.id, func.row_number().over(order_by=order).label("position"))
        .where(Operation.status == OperationStatus.PENDING)
        .subquery()
    )
    return select(queue.c.id, queue.c.position).where(queue.c.id.in_(WANTED))


def _positions(session: Session, wanted: Collection[str]) -> dict[str, int]:
    """Return the place in the whole queue of each operation that is wanted, from 1."""
    rows = session.execute(_queue(), {"wanted": sorted(wanted)})
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


def _capacity(session: Session) -> dict[str, Any]:
    fact = session.get(InstallationFact, CAPACITY)
    return fact.value if fact is not None else {}


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
    return _trouble(session, BUCKET_TROUBLE, "state_bucket")


def _trouble(session: Session, name: str, reason: str) -> dict[str, Any] | None:
    """Return why nothing can start, as the scheduler last saw a part that all work needs."""
    fact = session.get(InstallationFact, name)
    return {"reason": reason, **fact.value} if fact is not None and fact.value else None


def _waits_for_holder(holder: Operation) -> dict[str, Any]:
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


def _why_held(holder: Operation) -> str:
    if holder.has_unsaved_state:
        return "The state of an interrupted operation is being saved first."
    if holder.status == OperationStatus.PLANNED:
        return f"An earlier {in_words(holder.type)} of this stack waits for approval."
    return f"An earlier {in_words(holder.type)} of this stack is running."
