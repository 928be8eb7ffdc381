"""Order between stacks that refer to each other: who waits for whom, in SQL and in words.

What takes outputs of a stack waits until that is made; what destroys a stack waits until those
that use it are gone. Only work that is under way is waited for: when it has failed, whoever waited
starts and says so. Kinds cannot refer in a ring, so waits cannot either.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from app.domain.operation_registry import facts_of, types_where
from app.domain.operations import FINAL, OperationStatus
from app.domain.plain_words import in_words
from app.models import Operation, Stack, StackReference


@cache  # putting it together takes longer than SQL takes to answer
def waits_for_reference(operation: type[Operation]) -> ColumnElement[bool]:
    """Return the SQL condition that another stack has to be made, or destroyed, first."""
    other, work = aliased(Stack), aliased(Operation)
    made = select(1).select_from(StackReference)
    made = made.join(other, other.id == StackReference.target_id)
    made = made.join(work, work.stack_id == other.id)
    made = made.where(StackReference.stack_id == operation.stack_id, *_being_made(other, work))
    user, end = aliased(Stack), aliased(Operation)
    gone = select(1).select_from(StackReference)
    gone = gone.join(user, user.id == StackReference.stack_id)
    gone = gone.join(end, end.stack_id == user.id)
    gone = gone.where(StackReference.target_id == operation.stack_id, *_being_destroyed(user, end))
    is_destroy = operation.type.in_(types_where(lambda facts: facts.destroys))
    return or_(
        ~is_destroy & exists(made.correlate(operation)),
        is_destroy & exists(gone.correlate(operation)),
    )


def is_being_made(session: Session, stack: Stack) -> bool:
    """Tell whether ``stack`` was never applied and an apply of it is queued or running."""
    other, work = aliased(Stack), aliased(Operation)
    query = select(work.id).join(other, other.id == work.stack_id)
    query = query.where(other.id == stack.id, *_being_made(other, work)).limit(1)
    return session.scalar(query) is not None


def explain(session: Session, operations: Sequence[Operation]) -> dict[str, dict[str, Any]]:
    """Say what each of those pending ``operations`` waits for that waits for another stack."""
    makers: dict[str, list[Operation]] = {}
    destroyers: dict[str, list[Operation]] = {}
    for item in operations:
        if facts_of(item.type).destroys:
            destroyers.setdefault(item.stack_id, []).append(item)
        elif item.stack.references:
            makers.setdefault(item.stack_id, []).append(item)
    waits: dict[str, dict[str, Any]] = {}
    if makers:
        for stack_id, other, work in session.execute(_stacks_being_made(makers)).unique():
            for item in makers[stack_id]:
                _add(waits, item, other, work, _why_making(other, work))
    if destroyers:
        for stack_id, other, work in session.execute(_stacks_being_destroyed(destroyers)).unique():
            for item in destroyers[stack_id]:
                _add(waits, item, other, work, _why_destroying(other, work))
    return waits


def awaiting(session: Session, stack_ids: Collection[str]) -> list[str]:
    """Return which of those stacks, and of those on either end of their references, have work."""
    users = select(StackReference.stack_id).where(StackReference.target_id.in_(stack_ids))
    used = select(StackReference.target_id).where(StackReference.stack_id.in_(stack_ids))
    is_near = Operation.stack_id.in_(stack_ids) | Operation.stack_id.in_(users.union(used))
    query = select(Operation.stack_id).where(Operation.status == OperationStatus.PENDING, is_near)
    found = set(session.scalars(query))
    return [*filter(found.__contains__, stack_ids), *sorted(found.difference(stack_ids))]


def _being_made(stack: type[Stack], work: type[Operation]) -> tuple[ColumnElement[bool], ...]:
    return (
        stack.applied_generation == 0,
        work.type.in_(types_where(lambda facts: facts.makes_stack)),
        work.status.not_in(FINAL),
    )


def _being_destroyed(stack: type[Stack], work: type[Operation]) -> tuple[ColumnElement[bool], ...]:
    return (
        stack.deleted_at.is_(None),
        work.type.in_(types_where(lambda facts: facts.destroys)),
        work.status.not_in(FINAL),
    )


def _stacks_being_made(ids: dict[str, list[Operation]]) -> Select[Any]:
    return (
        select(StackReference.stack_id, Stack, Operation)
        .join(Stack, Stack.id == StackReference.target_id)
        .join(Operation, Operation.stack_id == Stack.id)
        .where(StackReference.stack_id.in_(sorted(ids)), *_being_made(Stack, Operation))
        .order_by(Stack.name, Operation.id)
    )


def _stacks_being_destroyed(ids: dict[str, list[Operation]]) -> Select[Any]:
    return (
        select(StackReference.target_id, Stack, Operation)
        .join(Stack, Stack.id == StackReference.stack_id)
        .join(Operation, Operation.stack_id == Stack.id)
        .where(StackReference.target_id.in_(sorted(ids)), *_being_destroyed(Stack, Operation))
        .order_by(Stack.name, Operation.id)
    )


def _add(
    waits: dict[str, dict[str, Any]], item: Operation, other: Stack, work: Operation, detail: str
) -> None:
    """Name the first stack in words and all of them as a list."""
    wait = waits.setdefault(
        item.id,
        {"reason": "reference", "operation_id": work.id, "stacks": [], "detail": detail},
    )
    known = {entry["id"] for entry in wait["stacks"]}
    if other.id not in known:
        wait["stacks"].append({"id": other.id, "name": other.name, "kind": other.kind})


def _why_making(other: Stack, work: Operation) -> str:
    return f"Waits until {other.kind} {other.name} is made; its apply is {_said(work)}."


def _why_destroying(other: Stack, work: Operation) -> str:
    return f"Waits until {other.kind} {other.name} is destroyed; its destroy is {_said(work)}."


def _said(work: Operation) -> str:
    is_waiting_for_people = work.status == OperationStatus.PLANNED and work.approved_at is None
    return "waiting for approval" if is_waiting_for_people else in_words(work.status)
