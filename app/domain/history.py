"""What becomes of an operation that has ended, as it grows old. Pure rules.

What somebody may still have to act on, and what something that stays refers to, is kept however
old it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from app.domain.operation_registry import facts_of
from app.domain.operations import FINAL, OperationStatus

WITHOUT_EFFECT = frozenset(
    {OperationStatus.PLANNED_AND_FINISHED, OperationStatus.DISCARDED, OperationStatus.CANCELED}
)


class Fate(StrEnum):
    """What is done with an operation: keep all, keep the row without its story, or remove it."""

    KEEP = "keep"
    STRIP = "strip"
    REMOVE = "remove"


@dataclass(frozen=True)
class Retention:
    """For how long what is kept."""

    operations: timedelta
    unchanged: timedelta
    checks: timedelta

    @property
    def shortest(self) -> timedelta:
        """What is younger than this is kept whatever it is."""
        return min(self.operations, self.unchanged, self.checks)


@dataclass(frozen=True)
class PastOperation:
    """What decides over an operation.

    Args:
        type: of the operation.
        status: of the operation.
        ended_at: when it ended; None while it has not.
        is_scheduled: whether it was a scheduled check.
        has_applied: whether it began to apply something.
        is_open: whether a person or the engine has to do something about it yet.
        is_latest: whether it is the last one of its stack, or the last of its kind that shows how
            a living stack came to be as it is.
        is_referred_to: whether something that is kept names it.
        has_report: whether a drift report is its own.
    """

    type: str
    status: OperationStatus
    ended_at: datetime | None
    is_scheduled: bool
    has_applied: bool
    is_open: bool
    is_latest: bool
    is_referred_to: bool
    has_report: bool

    @property
    def is_quiet_check(self) -> bool:
        """Whether it is a scheduled check that found nothing new: its stack says all it saw."""
        return (
            facts_of(self.type).checks_drift
            and self.status is OperationStatus.PLANNED_AND_FINISHED
            and self.is_scheduled
            and not self.has_report
        )


def fate_of(operation: PastOperation, retention: Retention, now: datetime) -> Fate:
    """Return what is to be done with an operation.

    One that seems to end in the future, after the clock was set back, is kept.
    """
    ended_at = operation.ended_at
    if operation.status not in FINAL or ended_at is None:
        return Fate.KEEP
    if operation.is_open or operation.is_latest:
        return Fate.KEEP
    age = now - ended_at
    limit = retention.checks if operation.is_quiet_check else retention.operations
    if age > limit and not operation.is_referred_to:
        return Fate.REMOVE
    is_without_effect = operation.status in WITHOUT_EFFECT and not operation.has_applied
    if age > limit or (is_without_effect and age > retention.unchanged):
        return Fate.STRIP
    return Fate.KEEP
