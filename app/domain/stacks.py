"""What a stack can be, and what an operation's end makes of it. Pure rules."""

from __future__ import annotations

from enum import StrEnum

from app.domain.operations import OperationStatus, OperationType


class StackStatus(StrEnum):
    """Where a stack stands."""

    CREATING = "creating"
    READY = "ready"
    UPDATING = "updating"
    DELETING = "deleting"
    DELETED = "deleted"
    FAILED = "failed"
    NEEDS_ATTENTION = "needs_attention"


class StateBackend(StrEnum):
    """Where the state of a stack is kept."""

    VOLUME = "volume"
    S3 = "s3"


class OnExpiry(StrEnum):
    """What happens when the life time of a stack is over."""

    DESTROY = "destroy"
    ASK = "ask"


RECORD_ONLY = (OperationType.ACCEPT_DRIFT, OperationType.MOVE_STATE)
"""They change the record of what exists, or where it is kept, and nothing in the cloud."""


def status_while(operation: OperationType, current: StackStatus) -> StackStatus:
    """Return the stack's status once ``operation`` has started to apply."""
    if operation is OperationType.DESTROY:
        return StackStatus.DELETING
    is_change = operation.may_mutate and operation not in RECORD_ONLY
    if is_change and current is not StackStatus.CREATING:
        return StackStatus.UPDATING
    return current


def status_after(
    operation: OperationType, outcome: OperationStatus, before: StackStatus, *, was_applying: bool
) -> StackStatus:
    """Return the stack's status after ``operation`` ended with ``outcome``.

    Args:
        operation: the type of the operation.
        outcome: its final status.
        before: the stack's status when the operation began.
        was_applying: whether Terraform had begun to change the cloud.
    """
    if outcome is OperationStatus.INTERRUPTED and was_applying:
        return StackStatus.NEEDS_ATTENTION
    if not operation.may_mutate or operation in RECORD_ONLY:
        return before
    if outcome is OperationStatus.APPLIED:
        destroyed = operation is OperationType.DESTROY
        return StackStatus.DELETED if destroyed else StackStatus.READY
    if outcome is OperationStatus.PLANNED_AND_FINISHED:
        return StackStatus.READY
    if was_applying:
        return StackStatus.FAILED
    return StackStatus.FAILED if before is StackStatus.CREATING else before
