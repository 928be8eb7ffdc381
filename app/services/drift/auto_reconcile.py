"""Undo drift without a person, where the owner of a stack has allowed it.

Works inside the transaction of the check that saw the drift. The operation that it queues is about
that report, so it does nothing when reality is another one by then; approval, change windows and
locks hold as for people. One that does not succeed turns it off until a person turns it on again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.clock import rfc3339, utc_now
from app.domain.auto_reconcile import AutoReconcile
from app.domain.drift import ChangeKind, DriftStatus
from app.domain.operation_registry import facts_of, types_where
from app.domain.operations import FINAL, OperationStatus, OperationType
from app.domain.plain_words import in_words
from app.domain.plan_options import PlanOptions
from app.domain.stacks import StackStatus
from app.errors import DriftChangedError
from app.models import DriftReport, Operation, Schedule, Stack
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.drift.findings import is_visible, open_findings
from app.services.policies.asking import leaves_drift_to_people
from app.services.queue.interruptions import unresolved_of
from app.services.queue.order import add_operation, lock_of
from app.services.schedules.next_check import is_watched
from app.services.stacks.editing import touch
from app.services.webhooks import outbox

DAY = timedelta(hours=24)
GOOD_ENDS = (OperationStatus.APPLIED, OperationStatus.PLANNED_AND_FINISHED)


def consider(session: Session, check: Operation, report: DriftReport) -> Operation | None:
    """Queue a reconcile of what a check has just seen, if that is allowed; else keep why not.

    Args:
        session: the transaction of the verdict.
        check: the drift check, which has not ended yet.
        report: what it saw; the verdict stands on the stack already.
    """
    stack, now = check.stack, utc_now()
    settings = stack.schedule.auto_reconcile
    if settings is None or settings.get("off_since"):
        return None
    if report.status != DriftStatus.DRIFTED:
        _hold_back(stack.schedule, None)
        return None
    objection = _objection(session, check, report, now)
    if objection is None:
        done = _count_since(session, stack, now - DAY)
        objection = AutoReconcile.from_dict(settings).objection(report.changes, done)
    _hold_back(stack.schedule, objection)
    if objection is not None:
        return None
    options = PlanOptions(report_id=report.id)
    operation = add_operation(
        session, stack, OperationType.RECONCILE, SYSTEM_PRINCIPAL, options=options
    )
    audit.record_as(
        session,
        SYSTEM_PRINCIPAL,
        "operation.request",
        "operation",
        operation.id,
        project_id=stack.project_id,
        type=operation.type,
        stack_id=stack.id,
        report_id=report.id,
    )
    return operation


def end_attempt(session: Session, operation: Operation) -> None:
    """Turn it off after an operation of its own that has ended otherwise than well.

    That reality moved on before it was undone is no failure: the next check sees what is there.
    """
    if not facts_of(operation.type).undoes_drift:
        return
    if operation.requested_by != SYSTEM_PRINCIPAL.name or operation.status in GOOD_ENDS:
        return
    stack, error = operation.stack, operation.error or {}
    settings = stack.schedule.auto_reconcile
    is_on = settings is not None and not settings.get("off_since")
    if not is_on or error.get("code") == DriftChangedError.code:
        return
    ended = in_words(operation.status)
    reason = f"Operation {operation.id} was {ended}. {error.get('detail') or ''}".strip()
    off = {"off_since": rfc3339(utc_now()), "off_reason": reason[:1000], "held_back": None}
    stack.schedule.auto_reconcile = {**(settings or {}), **off}
    touch(stack)
    audit.record_as(
        session,
        SYSTEM_PRINCIPAL,
        "stack.auto_reconcile_off",
        "stack",
        stack.id,
        project_id=stack.project_id,
        name=stack.name,
        kind=stack.kind,
        operation_id=operation.id,
        reason=operation.status,
    )
    outbox.auto_reconcile_off(session, operation, reason[:1000])


def _objection(
    session: Session, check: Operation, report: DriftReport, now: datetime
) -> str | None:
    """Return what about the stack leaves its drift to people."""
    stack = check.stack
    if stack.status != StackStatus.READY:
        return f"The stack is {in_words(stack.status)}."
    if not is_watched(stack):
        return "The stack is not watched at present."
    if report.has_pending_changes or stack.has_pending_changes:
        return "Changes of the configuration are not applied yet; reconciling would apply them."
    hidden = [item for item in open_findings(session, stack.id) if not is_visible(item, now)]
    if any(item.change != ChangeKind.CREATED for item in hidden):
        return "A rule hides a part of the drift, which reconciling would undo too."
    if _is_left_to_people(session, check, report):
        return "A policy leaves this drift to people."
    return _obstacle(session, check)


def _is_left_to_people(session: Session, check: Operation, report: DriftReport) -> bool:
    """Ask also the check that a report is from which this one has only confirmed."""
    first = session.get(Operation, report.operation_id)
    return any(leaves_drift_to_people(item) for item in (check, first) if item is not None)


def _obstacle(session: Session, check: Operation) -> str | None:
    """Return what would keep a reconcile waiting, until its report is an old one."""
    if lock_of(session, check.stack_id) is not None:
        return "The stack is locked."
    if unresolved_of(session, check.stack_id) is not None:
        return "An interrupted operation may have left resources without a record."
    query = select(Operation.id).where(
        Operation.stack_id == check.stack_id,
        Operation.id != check.id,
        Operation.status.not_in(FINAL),
    )
    waiting = session.scalars(query.limit(1)).first()
    return "Other operations of the stack come first." if waiting else None


def _count_since(session: Session, stack: Stack, since: datetime) -> int:
    query = select(func.count()).where(
        Operation.stack_id == stack.id,
        Operation.type.in_(types_where(lambda facts: facts.undoes_drift)),
        Operation.requested_by == SYSTEM_PRINCIPAL.name,
        Operation.created_at >= since,
    )
    return session.scalar(query) or 0


def _hold_back(schedule: Schedule, reason: str | None) -> None:
    settings = schedule.auto_reconcile or {}
    if settings.get("held_back") != reason:
        schedule.auto_reconcile = {**settings, "held_back": reason}
