"""Have stacks destroyed: one, or one with everything that uses it.

Each function works inside the caller's transaction; Terraform runs later, in a worker, and the
destroy of a stack waits for those of its users (``queue.reference_waits``).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operation_registry import types_where
from app.domain.operations import FINAL, OperationType
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.errors import ConflictError, DeletionProtectedError, StackGoneError
from app.models import Operation, Stack, StackReference
from app.services.access import Principal
from app.services.lookup import expect_version, stack_by_id
from app.services.policies.asking import ask_at_request, keep_request_results
from app.services.queue.order import add_operation, unfinished_destroy
from app.services.stacks.editing import audit_stack, touch
from app.services.stacks.references import refuse_used
from app.services.work import Work

TOLD_FOR = timedelta(days=1)
"""How long a repeated deletion is answered with the operation that did it."""


def delete_stack(
    work: Work,
    stack_id: str,
    *,
    kind: str | None = None,
    expected_version: int | None = None,
    with_users: bool = False,
    requires_approval: bool = False,
) -> tuple[Stack, Operation]:
    """Queue the destruction of a stack; its history stays.

    A second call while a destroy is queued or running, or within a day after it, returns that
    operation again, whatever version it expects: what it asks for is done already (RFC 9110
    §13.1.1).

    Args:
        work: of who asks.
        stack_id: which stack.
        kind: what it has to be.
        expected_version: the version that the caller read.
        with_users: whether the stacks that use it are destroyed too, before it.
        requires_approval: whether a person must approve the plan, whatever the stack's rule says.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        PreconditionFailedError: it was changed since.
        DeletionProtectedError: ``deletion_protection`` is set, on it or on one that goes with it.
        StackReferencedError: living stacks take outputs of this one.
        StackGoneError: the stack was deleted more than a day ago.
    """
    stack = stack_by_id(work.session, work.principal, stack_id, Right.STACK_WRITE, kind=kind)
    present = unfinished_destroy(work.session, stack)
    if present is not None:
        return stack, present
    if stack.status == StackStatus.DELETED:
        return stack, _destroy_of(work.session, stack)
    expect_version(f"Stack {stack.name!r}", stack.version, expected_version)
    if not with_users:
        refuse_protected(stack)
        queued = _queue(work, stack, requires_approval=requires_approval)
        return stack, queued
    order = _lock_with_users(work, stack)
    _refuse_protected_ones(order)
    operations = [_queue(work, item) for item in order]
    return stack, operations[-1]


def _destroy_of(session: Session, stack: Stack) -> Operation:
    """Return the operation that destroyed a stack, for a day."""
    query = (
        select(Operation)
        .where(
            Operation.stack_id == stack.id,
            Operation.type.in_(types_where(lambda facts: facts.destroys)),
            Operation.status.in_(FINAL),
        )
        .order_by(Operation.id.desc())
    )
    found = session.scalars(query.limit(1)).first()
    is_recent = stack.deleted_at is not None and utc_now() - stack.deleted_at < TOLD_FOR
    if found is None or not is_recent:
        raise StackGoneError(f"Stack {stack.name!r} was destroyed.")
    return found


def destruction_order(
    session: Session, principal: Principal, stack_id: str, *, kind: str | None = None
) -> list[Stack]:
    """Return the stacks that would go with ``stack_id``, in the order of destruction, it last.

    Nothing is changed.

    Raises:
        NotFoundError: as ``stack_by_id``.
        ConflictError: the stack is deleted already.
    """
    stack = stack_by_id(session, principal, stack_id, kind=kind)
    if stack.status == StackStatus.DELETED:
        raise ConflictError(f"Stack {stack.name!r} is deleted already.", advice="Nothing to do.")
    found: dict[str, Stack] = {}
    _visit(session, stack, found)
    return list(found.values())


def refuse_protected(stack: Stack) -> None:
    """Raise unless the stack may be destroyed now.

    Raises:
        DeletionProtectedError, StackReferencedError: as their names say.
    """
    _refuse_protected_ones([stack])
    refuse_used(stack)


def _refuse_protected_ones(stacks: list[Stack]) -> None:
    protected = [stack for stack in stacks if stack.deletion_protection]
    if protected:
        names = ", ".join(f"{stack.name!r}" for stack in protected)
        verb = "has" if len(protected) == 1 else "have"
        raise DeletionProtectedError(
            f"Stack {names} {verb} deletion_protection set.",
            context={"stacks": [{"id": stack.id, "name": stack.name} for stack in protected]},
        )


def _lock_with_users(work: Work, stack: Stack) -> list[Stack]:
    """Return the stack and its users in the order of destruction, all locked.

    A stack that is locked gets no new user, so what is found stays true until the commit.
    """
    locked: set[str] = set()
    while True:
        found: dict[str, Stack] = {}
        _visit(work.session, stack, found)
        if found.keys() <= locked:
            return list(found.values())
        for other_id in sorted(found.keys() - locked):
            stack_by_id(work.session, work.principal, other_id, Right.STACK_WRITE)
            locked.add(other_id)


def _visit(session: Session, stack: Stack, found: dict[str, Stack]) -> None:
    """Add the users of ``stack`` to ``found``, then the stack itself. Kinds form no ring."""
    if stack.id in found:
        return
    users = (
        select(Stack)
        .join(StackReference, StackReference.stack_id == Stack.id)
        .where(StackReference.target_id == stack.id, Stack.deleted_at.is_(None))
        .order_by(Stack.kind, Stack.name)
    )
    for user in session.scalars(users).unique().all():
        _visit(session, user, found)
    found[stack.id] = stack


def _queue(work: Work, stack: Stack, *, requires_approval: bool = False) -> Operation:
    present = unfinished_destroy(work.session, stack)
    if present is not None:
        return present
    results = ask_at_request(work, stack, OperationType.DESTROY)
    operation = add_operation(
        work.session,
        stack,
        OperationType.DESTROY,
        work.principal,
        requires_approval=requires_approval,
    )
    keep_request_results(operation, results)
    touch(stack)
    audit_stack(work, "stack.delete", stack, operation_id=operation.id)
    return operation
