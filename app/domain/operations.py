"""The life of an operation: its statuses and the one table of allowed changes.

Pure rules. What its type does says ``app.domain.operation_types``, who may ask for a change
``app.domain.permissions``; carrying it out is ``app.services.engine``.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.domain.plan_summary import PlanSummary


class OperationType(StrEnum):
    """The names of types that code asks for; ``app.domain.operation_registry`` knows all."""

    APPLY = "apply"
    PLAN = "plan"
    DESTROY = "destroy"
    DRIFT_CHECK = "drift_check"
    ROLLBACK = "rollback"
    RECONCILE = "reconcile"
    ACCEPT_DRIFT = "accept_drift"
    MOVE_STATE = "move_state"


class OperationStatus(StrEnum):
    """Where an operation stands."""

    PENDING = "pending"
    PLANNING = "planning"
    PLANNED = "planned"
    APPLYING = "applying"
    CANCELING = "canceling"
    APPLIED = "applied"
    PLANNED_AND_FINISHED = "planned_and_finished"
    DISCARDED = "discarded"
    CANCELED = "canceled"
    ERRORED = "errored"
    INTERRUPTED = "interrupted"


class AutoApply(StrEnum):
    """When a plan is applied without asking a person."""

    ALWAYS = "always"
    NEVER = "never"
    UNLESS_DESTROY = "unless_destroy"
    ADDITIONS_ONLY = "additions_only"

    def allows(self, summary: PlanSummary) -> bool:
        """Tell whether a plan with ``summary`` may be applied at once.

        What enters or leaves the record asks for the approval that a loss asks for: a forgotten
        resource is paid for and watched by nobody. A move keeps the same resource, so none asks.
        """
        match self:
            case AutoApply.ALWAYS:
                return True
            case AutoApply.NEVER:
                return False
            case AutoApply.UNLESS_DESTROY:
                return not summary.needs_consent
            case AutoApply.ADDITIONS_ONLY:
                return not summary.needs_consent and summary.change == 0


_S = OperationStatus

TRANSITIONS: Mapping[OperationStatus, frozenset[OperationStatus]] = MappingProxyType(
    {
        _S.PENDING: frozenset({_S.PLANNING, _S.CANCELED, _S.ERRORED}),
        _S.PLANNING: frozenset(
            {
                _S.PENDING,  # its worker died before anything was changed: it is queued again
                _S.PLANNED,
                _S.PLANNED_AND_FINISHED,
                _S.CANCELING,
                _S.ERRORED,
            }
        ),
        _S.PLANNED: frozenset(
            {
                _S.PENDING,  # its plan went stale before it was approved: it is planned again
                _S.APPLYING,
                _S.DISCARDED,
                _S.CANCELED,
                _S.ERRORED,
            }
        ),
        _S.APPLYING: frozenset({_S.APPLIED, _S.CANCELING, _S.ERRORED, _S.INTERRUPTED}),
        _S.CANCELING: frozenset(
            {_S.CANCELED, _S.APPLIED, _S.PLANNED_AND_FINISHED, _S.ERRORED, _S.INTERRUPTED}
        ),
        _S.APPLIED: frozenset(),
        _S.PLANNED_AND_FINISHED: frozenset(),
        _S.DISCARDED: frozenset(),
        _S.CANCELED: frozenset(),
        _S.ERRORED: frozenset(),
        _S.INTERRUPTED: frozenset(),
    }
)

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
OWNED = frozenset({_S.PLANNING, _S.APPLYING, _S.CANCELING})
"""Statuses in which a worker holds the operation under a lease."""

ACTIVE = OWNED | {_S.PLANNED}
"""Statuses of which a stack may have at most one operation: they hold the stack."""


def is_allowed(old: OperationStatus, new: OperationStatus) -> bool:
    """Tell whether an operation may go from ``old`` to ``new``."""
    return new in TRANSITIONS[old]


def can_approve(status: OperationStatus) -> bool:
    """Tell whether a person may approve the plan now."""
    return status is _S.PLANNED


def can_cancel(status: OperationStatus) -> bool:
    """Tell whether cancelling makes sense now."""
    return status in (_S.PENDING, _S.PLANNING, _S.PLANNED, _S.APPLYING)


class StepName(StrEnum):
    """The named steps of an operation, in the order in which they run.

    ``READ`` is the only one of a check that the provider makes alone.
    """

    PREPARE = "prepare"
    INIT = "init"
    PLAN = "plan"
    CHECK = "check"
    APPLY = "apply"
    SAVE = "save"
    READ = "read"


class EventLevel(StrEnum):
    """How serious an event of an operation is, as Terraform has it."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


class StepStatus(StrEnum):
    """Where a step stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
