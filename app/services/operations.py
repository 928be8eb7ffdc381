"""Ask for operations on a stack and steer those that exist.

Each function works inside the caller's transaction. The work itself is ``app.services.engine``.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OperationStatus, OperationType, can_approve, can_cancel
from app.domain.permissions import Right
from app.domain.stacks import StackStatus
from app.errors import ConflictError, OperationStateError
from app.models import Operation, Stack
from app.services import audit
from app.services.access import Principal
from app.services.context import ring_after_commit
from app.services.lookup import operation_by_id, stack_by_id
from app.services.operation_queue import add_operation, ring_next
from app.services.operation_status import move
from app.services.stacks import refuse_protected


def request_operation(
    session: Session, principal: Principal, stack_id: str, operation_type: OperationType
) -> tuple[Stack, Operation]:
    """Queue an operation on a stack.

    Raises:
        NotFoundError, PermissionDeniedError: as ``stack_by_id``.
        ConflictError: the stack is deleted.
        DeletionProtectedError, StackReferencedError: for a destroy, as ``delete_stack``.
    """
    stack = stack_by_id(session, principal, stack_id, Right.STACK_WRITE)
    if stack.status == StackStatus.DELETED:
        raise ConflictError(f"Stack {stack.name!r} is deleted.", advice="Create a new stack.")
    if operation_type is OperationType.DESTROY:
        refuse_protected(stack)
    operation = add_operation(session, stack, operation_type, principal)
    _audit(session, principal, "operation.request", operation)
    return stack, operation


def approve(session: Session, principal: Principal, operation_id: str) -> Operation:
    """Let a planned operation be applied.

    Raises:
        OperationStateError: it does not wait for approval.
    """
    operation = operation_by_id(session, principal, operation_id, Right.OPERATION_CONTROL)
    if not can_approve(OperationStatus(operation.status)) or operation.approved_at is not None:
        raise OperationStateError(f"Operation {operation.id} is {_said(operation)}, not waiting.")
    operation.approved_at, operation.approved_by = utc_now(), principal.name
    ring_after_commit(session, operation)
    _audit(session, principal, "operation.approve", operation)
    return operation


def discard(session: Session, principal: Principal, operation_id: str) -> Operation:
    """Throw a plan away without applying it.

    Raises:
        OperationStateError: it does not wait for approval.
    """
    operation = operation_by_id(session, principal, operation_id, Right.OPERATION_CONTROL)
    if not can_approve(OperationStatus(operation.status)) or operation.approved_at is not None:
        raise OperationStateError(f"Operation {operation.id} is {_said(operation)}, not waiting.")
    _end_idle(session, operation, OperationStatus.DISCARDED)
    _audit(session, principal, "operation.discard", operation)
    return operation


def cancel(session: Session, principal: Principal, operation_id: str) -> Operation:
    """Ask for an operation to stop: at once when idle, through SIGINT when Terraform runs.

    Raises:
        OperationStateError: it has ended already.
    """
    operation = operation_by_id(session, principal, operation_id, Right.OPERATION_CONTROL)
    status = OperationStatus(operation.status)
    if operation.cancel_requested_at is not None and status is OperationStatus.CANCELING:
        return operation
    if not can_cancel(status):
        raise OperationStateError(f"Operation {operation.id} is {_said(operation)} already.")
    operation.cancel_requested_at = utc_now()
    operation.cancel_requested_by = principal.name
    if status in (OperationStatus.PENDING, OperationStatus.PLANNED):
        _end_idle(session, operation, OperationStatus.CANCELED)
    else:
        move(operation, OperationStatus.CANCELING)
    _audit(session, principal, "operation.cancel", operation)
    return operation


def _end_idle(session: Session, operation: Operation, status: OperationStatus) -> None:
    """End an operation that no worker holds, and free its stack for the next one."""
    move(operation, status)
    stack = operation.stack
    if stack.status == StackStatus.CREATING:
        stack.status = StackStatus.FAILED.value
        stack.status_reason = f"The first apply was {status.value}."
        stack.version += 1
    session.flush()
    ring_next(session, stack.id)


def _said(operation: Operation) -> str:
    return "approved" if operation.approved_at and operation.ended_at is None else operation.status


def _audit(session: Session, principal: Principal, action: str, operation: Operation) -> None:
    audit.record(
        session,
        principal,
        action,
        "operation",
        operation.id,
        project_id=operation.stack.project_id,
        type=operation.type,
        stack_id=operation.stack_id,
    )
