"""What a stack can be, and what an operation's end makes of it. Pure rules."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus


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


LEAST_LIFE = timedelta(minutes=1)
"""A stack lives so long at least: a life that is over already is a mistake, and would destroy."""


def is_life_too_short(expires_at: datetime, now: datetime) -> bool:
    """Tell whether a life time that ends at ``expires_at`` would end too soon after ``now``."""
    return expires_at < now + LEAST_LIFE


def status_while(operation_type: str, current: StackStatus) -> StackStatus:
    """Return the stack's status once an operation of that type has started to apply."""
    facts = facts_of(operation_type)
    if facts.destroys:
        return StackStatus.DELETING
    if facts.changes_cloud and current is not StackStatus.CREATING:
        return StackStatus.UPDATING
    return current


def status_after(
    operation_type: str, outcome: OperationStatus, before: StackStatus, *, was_applying: bool
) -> StackStatus:
    """Return the stack's status after an operation ended with ``outcome``.

    Args:
        operation_type: the type of the operation.
        outcome: its final status.
        before: the stack's status when the operation began.
        was_applying: whether Terraform had begun to change the cloud.
    """
    if outcome is OperationStatus.INTERRUPTED and was_applying:
        return StackStatus.NEEDS_ATTENTION
    facts = facts_of(operation_type)
    if not facts.changes_cloud:
        return before
    if outcome is OperationStatus.APPLIED:
        return StackStatus.DELETED if facts.destroys else StackStatus.READY
    if outcome is OperationStatus.PLANNED_AND_FINISHED:
        return StackStatus.READY
    if was_applying:
        return StackStatus.FAILED
    return StackStatus.FAILED if before is StackStatus.CREATING else before
