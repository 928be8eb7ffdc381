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
from app.domain.operations import OperationStatus, OperationType
from app.domain.queueing import SYSTEM, Priority, Waiting
from app.domain.stacks import StateBackend
from app.models import InstallationFact, Operation, StackLock
from app.services import reference_waits
from app.services.change_control import closures
from app.services.operation_queue import ROW_ALONE, gives_way, holds, is_blocked

WANTED: BindParameter[Any] = bindparam("wanted", expanding=True)
VOLUME_TROUBLE = "volume_trouble"
"""Name of the fact that says what is wrong with the state volume."""

BUCKET_TROUBLE = "state_bucket_trouble"
"""Name of the fact that says what is wrong with the state bucket."""

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
            "detail": "The plan waits for a person to approve or discard it.",
        }
        for item in operations
        if item.status == OperationStatus.PLANNED and item.approved_at is None
    }
    waits |= _waits_for_windows(session, operations)
    waits |= _waits_for_locks(session, operations)
    pending = [
        item
        for item in operations
        if item.status == OperationStatus.PENDING and item.id not in waits
    ]
    if not pending:
        return waits
    waits |= reference_waits.explain(session, pending)
    pending = [item for item in pending if item.id not in waits]
    volume, capacity = _volume_trouble(session), _capacity(session)
    bucket = bucket_trouble(session)
    positions = _positions(session, {item.id for item in pending})
    stacks = {item.stack_id for item in pending}
    holders = _first_by_stack(session, stacks, _holders)
    firsts = _first_by_stack(session, stacks, _firsts)
    for item in pending:
        holder, first = holders.get(item.stack_id), firsts.get(item.stack_id)
        if holder is not None:
            waits[item.id] = _waits_for_holder(holder)
        elif first is not None and first.id != item.id:
            detail = f"An earlier {first.type} of this stack is queued."
            waits[item.id] = {"reason": "operation", "operation_id": first.id, "detail": detail}
        else:
            waiting = _waiting(item)
            waits[item.id] = (
                volume
                or (bucket if item.stack.state_backend == StateBackend.S3 else None)
                or _waits_for_room(waiting, item.stack.cloud, capacity)
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
    changes = [
        item
        for item in operations
        if OperationType(item.type).may_mutate
        and (item.status == OperationStatus.PENDING or _is_approved(item))
    ]
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
    own = case((~gives_way(Operation), Operation.id))
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
    is_look = Operation.type.not_in([kind for kind in OperationType if kind.may_mutate])
    is_check = (Operation.type == OperationType.DRIFT_CHECK) & (Operation.requested_by == SYSTEM)
    return case(
        (is_check, int(Priority.SCHEDULED)),
        (is_look, int(Priority.LOOK)),
        else_=int(Priority.CHANGE),
    )


def _waiting(row: Operation) -> Waiting:
    return Waiting(row.id, row.stack.project_id, OperationType(row.type), row.requested_by)


def _capacity(session: Session) -> dict[str, Any]:
    fact = session.get(InstallationFact, CAPACITY)
    return fact.value if fact is not None else {}


def _waits_for_room(item: Waiting, cloud: str, capacity: dict[str, Any]) -> dict[str, Any] | None:
    """Return which limit keeps the operation from starting, if one does."""
    if cloud in (capacity.get("memory") or {}):
        return {"reason": "memory", "detail": capacity["memory"][cloud]}
    if item.project_id in capacity.get("full_projects", ()):
        detail = f"The project runs {capacity['per_project']} operations, as many as it may."
        return {"reason": "project_limit", "detail": detail}
    if item.priority is Priority.SCHEDULED and capacity.get("is_drift_full"):
        detail = "As many scheduled drift checks run as may run at once."
        return {"reason": "drift_limit", "detail": detail}
    return None


def _volume_trouble(session: Session) -> dict[str, Any] | None:
    """Return why nothing can start, as the scheduler last saw the state volume."""
    fact = session.get(InstallationFact, VOLUME_TROUBLE)
    return {"reason": "volume", **fact.value} if fact is not None and fact.value else None


def bucket_trouble(session: Session) -> dict[str, Any] | None:
    """Return why nothing can start whose state is on S3, as the scheduler last saw the bucket."""
    fact = session.get(InstallationFact, BUCKET_TROUBLE)
    return {"reason": "state_bucket", **fact.value} if fact is not None and fact.value else None


def _waits_for_holder(holder: Operation) -> dict[str, Any]:
    return {
        "reason": "unsaved_state" if holder.has_unsaved_state else "operation",
        "operation_id": holder.id,
        "detail": _why_held(holder),
    }


def _waits_for_worker(position: int) -> dict[str, Any]:
    return {
        "reason": "worker",
        "position": position,
        "detail": f"Waits for a free worker; {position - 1} operations are ahead in the queue.",
    }


def _why_held(holder: Operation) -> str:
    if holder.has_unsaved_state:
        return "The state of an interrupted operation is being saved first."
    if holder.status == OperationStatus.PLANNED:
        return f"An earlier {holder.type} of this stack waits for approval."
    return f"An earlier {holder.type} of this stack is running."
