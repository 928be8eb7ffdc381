"""The only place where an operation's status is written."""

from __future__ import annotations

from app.clock import utc_now
from app.domain.operations import FINAL, OperationStatus, is_allowed
from app.domain.plain_words import in_words
from app.errors import OperationStateError
from app.models import Operation


def move(operation: Operation, new: OperationStatus) -> None:
    """Give ``operation`` a new status and note the time; one that waits or has ended is free.

    Raises:
        OperationStateError: the table in ``app.domain.operations`` does not allow it.
    """
    old = OperationStatus(operation.status)
    if not is_allowed(old, new):
        raise OperationStateError(
            f"Operation {operation.id} cannot go from {in_words(old)} to {in_words(new)}."
        )
    now = utc_now()
    operation.status = new.value
    operation.transitions = [*operation.transitions, {"status": new.value, "at": now.isoformat()}]
    if new is OperationStatus.PLANNING:
        operation.started_at = operation.started_at or now
    if new in FINAL:
        operation.ended_at = now
    if new in FINAL or new is OperationStatus.PENDING:
        release(operation)


def release(operation: Operation) -> None:
    """Give the lease back: no worker holds the operation any more."""
    operation.owner = operation.owner_process = operation.process = None
    operation.lease_expires_at = operation.heartbeat_at = None
