"""Interrupted operations that keep others from changing their stack, from the first to the last.

An operation that ends ``interrupted`` may have left resources without a record. Until that is
resolved, nothing that can change the stack is accepted or started, but for the operation that
resolves it: else the same resources would be made twice, or left behind. There is at most one such
interruption for each stack, because a newer one takes over what an older one named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, exists, or_, select
from sqlalchemy.orm import Session, aliased, lazyload

from app.clock import rfc3339, utc_now
from app.domain.interruptions import OrphansUnresolvedError, waiting_sentence
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus
from app.models import Operation, Stack
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL

OVERTAKEN = "overtaken"
SUPERSEDED = "superseded"
MADE_WHOLE = (OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED)


@cache  # SQLAlchemy takes longer to make an alias than SQL to answer
def is_held_back(operation: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that an interruption of its stack keeps an operation waiting."""
    other = aliased(Operation)
    is_another = or_(operation.resolves_id.is_(None), operation.resolves_id != other.id)
    return exists().where(other.stack_id == operation.stack_id, other.holds_back, is_another)


def unresolved_of(session: Session, stack_id: str) -> Operation | None:
    """Return the interrupted operation that keeps others from changing the stack, if there is."""
    query = select(Operation).where(Operation.stack_id == stack_id, Operation.holds_back)
    newest = query.order_by(Operation.id.desc()).limit(1)
    return session.scalars(newest.options(lazyload("*"))).first()


def refuse_unresolved(session: Session, stack: Stack, operation_type: str) -> None:
    """Raise where an operation of that type could double or abandon what has no record.

    Raises:
        OrphansUnresolvedError: an interruption of the stack is not resolved.
    """
    if not facts_of(operation_type).may_mutate:
        return
    session.flush()
    blocker = unresolved_of(session, stack.id)
    if blocker is not None:
        raise OrphansUnresolvedError(
            f"Stack {stack.name!r}: {explain(blocker)}",
            context={
                "operation_id": blocker.id,
                "possibly_orphaned": blocker.possibly_orphaned,
                "resolve": f"/api/v1/operations/{blocker.id}/resolve",
            },
        )


def explain(blocker: Operation | Row[Any]) -> str:
    """Return one sentence about what is waited for."""
    is_searched = blocker.orphans_searched_at is not None
    count = len(blocker.possibly_orphaned)
    return waiting_sentence(blocker.id, count, is_searched=is_searched)


def wait_of(blocker: Operation | Row[Any]) -> dict[str, Any]:
    """Return what an operation shows as ``waiting_for`` that is held back."""
    return {"reason": "orphans", "operation_id": blocker.id, "detail": explain(blocker)}


def hold_back(session: Session, operation: Operation) -> None:
    """Have an operation that has just been interrupted keep others from changing its stack.

    What an earlier one named and nobody has resolved is named by this one from now on.
    """
    session.flush()
    older = select(Operation).where(
        Operation.stack_id == operation.stack_id,
        Operation.holds_back,
        Operation.id != operation.id,
    )
    for other in session.scalars(older).all():
        operation.possibly_orphaned = _merged(operation.possibly_orphaned, other.possibly_orphaned)
        _close(session, other, SUPERSEDED, operation.id)
    operation.holds_back = True


def release(session: Session, operation: Operation, reason: str) -> None:
    """Let others change the stack again: nothing is left without a record, or somebody decided.

    Args:
        session: the open transaction; the caller notifies workers of what may start now.
        operation: the interrupted operation.
        reason: why, for the audit trail.
    """
    operation.holds_back = False
    _audit(session, operation, "operation.orphans_resolved", reason=reason)
    session.flush()


def follow_end(session: Session, operation: Operation, known_names: Collection[str] | None) -> None:
    """Close what the good end of ``operation`` has overtaken, and reopen what it did not reach.

    Args:
        session: the transaction that ends it; its status is the final one.
        operation: any operation that has just ended.
        known_names: what the saved state knows by now; None where it was not read.
    """
    if operation.resolves_id is not None:
        _settle_resolved(session, operation, known_names)
    if operation.status in MADE_WHOLE and facts_of(operation.type).may_mutate:
        query = select(Operation).where(
            Operation.stack_id == operation.stack_id,
            Operation.id < operation.id,
            Operation.status == OperationStatus.INTERRUPTED,
            Operation.holds_back.is_(False),
        )
        for other in session.scalars(query).all():
            if other.resolution is None:
                _close(session, other, OVERTAKEN, operation.id)


def close_all(session: Session, stack: Stack, operation_id: str | None) -> None:
    """Close what is open of a stack that is gone."""
    query = select(Operation).where(
        Operation.stack_id == stack.id, Operation.status == OperationStatus.INTERRUPTED
    )
    for other in session.scalars(query).all():
        if other.holds_back or other.resolution is None:
            _close(session, other, OVERTAKEN, operation_id)


def _settle_resolved(
    session: Session, operation: Operation, known_names: Collection[str] | None
) -> None:
    """Take what a decision brought into the state off the interruption's list.

    What is left keeps it open, and a person may decide anew.
    """
    resolved = session.get(Operation, operation.resolves_id)
    if resolved is None or not resolved.holds_back:
        return
    is_good = operation.status in MADE_WHOLE
    if is_good and (resolved.resolution or {}).get("is_forced"):
        release(session, resolved, f"left as it is, with {operation.id}")
        return
    if is_good and known_names is not None:
        left = [item for item in resolved.possibly_orphaned if item["id"] not in known_names]
        resolved.possibly_orphaned = left
        if not left:
            release(session, resolved, f"resolved by {operation.id}")
            return
    resolved.orphans_searched_at = None  # reality is another one now
    resolved.resolution = None


def _merged(
    named: list[Mapping[str, Any]], more: list[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    keys = {(item["address"], item["id"]) for item in named}
    return [*named, *(item for item in more if (item["address"], item["id"]) not in keys)]


def _close(session: Session, operation: Operation, action: str, by_operation: str | None) -> None:
    operation.holds_back = False
    if operation.resolution is None:
        operation.resolution = {
            "action": action,
            "by": SYSTEM_PRINCIPAL.name,
            "at": rfc3339(utc_now()),
            "operation_id": by_operation,
        }
    _audit(session, operation, "operation.resolution_closed", resolution=action)


def _audit(session: Session, operation: Operation, action: str, **detail: Any) -> None:
    audit.record_as(
        session,
        SYSTEM_PRINCIPAL,
        action,
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        stack_id=operation.stack_id,
        **detail,
    )
