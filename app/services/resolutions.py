"""Decide what becomes of an interrupted operation. A person decides, once, and it is audited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.operations import OperationStatus, OperationType
from app.domain.permissions import Right
from app.domain.plan_options import Import, PlanOptions
from app.domain.stacks import StackStatus
from app.errors import OperationStateError, ValidationError
from app.models import Operation, StateVersion
from app.services import audit
from app.services.access import Principal
from app.services.lookup import operation_by_id
from app.services.operation_queue import add_operation, holder_of
from app.services.stack_deletions import refuse_protected
from app.services.stacks import touch


class Resolution(StrEnum):
    """What a person may decide."""

    RETRY = "retry"
    ADOPT = "adopt"
    ACCEPT = "accept"


def resolve(
    session: Session,
    principal: Principal,
    operation_id: str,
    resolution: Resolution,
    imports: Sequence[Import] = (),
) -> tuple[Operation, Operation | None]:
    """Resolve an interrupted operation.

    ``retry`` plans the same again; ``adopt`` plans with the orphans imported; both wait for
    approval. ``accept`` keeps the state as it was salvaged.

    Args:
        session: the open transaction.
        principal: who decides.
        operation_id: the interrupted operation.
        resolution: what is decided.
        imports: for ``adopt``, address and id of each resource to take in; without any, all
            possible orphans of which both are known.

    Returns:
        The interrupted operation, and the one that was queued.

    Raises:
        OperationStateError: it is not interrupted, is resolved already, or its stack is held.
        ValidationError: there is nothing to adopt, or a text is no address or id.
    """
    operation = operation_by_id(session, principal, operation_id, Right.OPERATION_CONTROL)
    _require_open(session, operation)
    chosen = _chosen_imports(operation, imports) if resolution is Resolution.ADOPT else ()
    if imports and resolution is not Resolution.ADOPT:
        raise ValidationError.at("/imports", "Only adopt takes imports.")
    following = None
    if resolution is Resolution.ACCEPT:
        _accept(operation)
    else:
        following = _plan_again(session, principal, operation, chosen)
    operation.resolution = {
        "action": resolution.value,
        "by": principal.name,
        "at": rfc3339(utc_now()),
        "operation_id": following.id if following else None,
    }
    audit.record(
        session,
        principal,
        "operation.resolve",
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        stack_id=operation.stack_id,
        resolution=resolution.value,
        imports=[item.id for item in chosen],
    )
    return operation, following


def _require_open(session: Session, operation: Operation) -> None:
    if operation.status != OperationStatus.INTERRUPTED:
        raise OperationStateError(
            f"Operation {operation.id} is {operation.status}; only an interrupted one is resolved."
        )
    if operation.resolution is not None:
        raise OperationStateError(
            f"Operation {operation.id} was resolved by {operation.resolution['by']} already: "
            f"{operation.resolution['action']}."
        )
    if operation.has_unsaved_state:
        raise OperationStateError(
            f"The state of operation {operation.id} is not saved yet.",
            advice="Wait until the volume is back; it is saved by itself.",
        )
    if operation.stack.status == StackStatus.DELETED:
        raise OperationStateError(f"Stack {operation.stack.name!r} is deleted meanwhile.")
    holder = holder_of(session, operation.stack_id)
    if holder is not None and holder.type != OperationType.DRIFT_CHECK:
        raise OperationStateError(f"Operation {holder.id} is working on the stack already.")


def _chosen_imports(operation: Operation, imports: Sequence[Import]) -> tuple[Import, ...]:
    if OperationType(operation.type) in (OperationType.DESTROY, OperationType.ACCEPT_DRIFT):
        raise ValidationError.at(
            "/action", f"A {operation.type} takes nothing in; choose retry or accept."
        )
    chosen = tuple(imports) or tuple(
        Import(item["address"], item["id"])
        for item in operation.possibly_orphaned
        if item["address"] and item["id"]
    )
    if not chosen:
        raise ValidationError.at(
            "/imports", "No possible orphan has both an address and an id; name them here."
        )
    PlanOptions(imports=chosen).check()
    return chosen


def _plan_again(
    session: Session, principal: Principal, operation: Operation, imports: tuple[Import, ...]
) -> Operation:
    kind = OperationType(operation.type)
    if kind is OperationType.DESTROY:
        refuse_protected(operation.stack)
    options = PlanOptions(imports=imports)
    if kind is OperationType.ROLLBACK and _has_saved_state(session, operation):
        kind = OperationType.APPLY  # what it went back to is the present state already
    elif kind is OperationType.RECONCILE:
        kind = OperationType.APPLY  # half of the drift may be undone already
    elif kind in (OperationType.ROLLBACK, OperationType.ACCEPT_DRIFT):
        before = PlanOptions.from_dict(operation.options)
        options = replace(options, serial=before.serial, report_id=before.report_id)
    return add_operation(session, operation.stack, kind, principal, options, requires_approval=True)


def _has_saved_state(session: Session, operation: Operation) -> bool:
    saved = select(StateVersion.id).where(StateVersion.operation_id == operation.id).limit(1)
    return session.scalar(saved) is not None


def _accept(operation: Operation) -> None:
    stack = operation.stack
    if stack.status == StackStatus.NEEDS_ATTENTION:
        was_applied = stack.applied_generation > 0
        stack.status = (StackStatus.READY if was_applied else StackStatus.FAILED).value
        stack.status_reason = None if was_applied else "Its first apply was interrupted."
        touch(stack)
