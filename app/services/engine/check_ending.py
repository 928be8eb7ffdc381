"""End drift checks: their verdict and report, and what those mean for stack and detector.

One that failed has a report, too: nothing is known then, and it is tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.drift import CheckedBy, TagSearch
from app.domain.drift_findings import drift_digest
from app.domain.operation_errors import OperationCanceledError
from app.domain.operations import OperationStatus, StepName, StepStatus
from app.errors import LandformError
from app.models import DriftFinding, DriftReport, Operation, OperationEvent, OperationStep
from app.services.context import Context
from app.services.drift import auto_reconcile, health, verdicts
from app.services.drift.agreements import keep_settled
from app.services.drift.baselines import keep_baseline
from app.services.drift.findings import findings_of, keep_findings
from app.services.drift.reports import confirm_report
from app.services.drift.rules import match_rules
from app.services.drift.unmanaged import name_orphans
from app.services.engine import ending
from app.services.engine.claims import Claim, still_held, write_fenced
from app.services.engine.drift_check import DriftResult
from app.services.queue.order import notify_freed
from app.services.queue.status import move

MAX_REASON = 1000


@dataclass(frozen=True)
class QuickResult:
    """What a check saw without Terraform, and from when on it looked; ``story`` says how."""

    claim: Claim
    result: DriftResult
    began_at: datetime
    story: str


def finish(ctx: Context, claim: Claim, result: DriftResult) -> None:
    """End a drift check with its report.

    Raises:
        FenceLostError: another process owns the operation now.
    """

    def work(session: Session, operation: Operation) -> None:
        if result.settled is not None:
            keep_settled(ctx.keys, session, operation.stack_id, result.settled)
        _finish(session, [(operation, result)])
        notify_freed(session, operation.stack_id)

    write_fenced(ctx, claim, work)


def finish_quickly(ctx: Context, made: Sequence[QuickResult], unmade: Sequence[Claim]) -> None:
    """End checks that were made together, and queue again those that were not; all or nothing.

    What somebody else has taken over meanwhile is left alone.
    """
    known = {item.claim: item for item in made}

    def work(session: Session) -> None:
        held = still_held(session, [*known, *unmade])
        ended = [(operation, known[claim]) for claim, operation in held if claim in known]
        news = _finish(session, [(operation, item.result) for operation, item in ended])
        for operation, _ in ended:
            operation.generation = operation.stack.generation
            operation.blueprint_version = operation.stack.blueprint_version
        _tell(session, [item for operation, item in ended if operation.id in news])
        for claim, operation in held:
            if claim not in known:
                _put_back(session, operation)
        notify_freed(session, *(operation.stack_id for _, operation in held))

    ctx.persist(work)


def give_up(session: Session, operation: Operation, error: LandformError) -> dict[str, Any]:
    """Keep that a drift check failed, and have it tried again.

    Returns:
        What its error says more: when it is tried again.
    """
    findings = findings_of(session, [operation.stack_id])[operation.stack_id]
    record_verdict(session, operation, DriftResult(reason=error.detail), findings)
    more = health.follow_check(operation, has_failed=True)
    health.count(session, [operation])
    return more


def record_verdict(
    session: Session, operation: Operation, result: DriftResult, findings: list[DriftFinding]
) -> bool:
    """Keep the report of a check with its findings, and show its verdict on the stack.

    A drift that its owner wants undone without a person is queued for that.

    Args:
        session: the open transaction.
        operation: the check.
        result: what it saw.
        findings: all of the stack, as ``app.services.drift.findings`` gives them.

    Returns:
        Whether it saw something new; a scheduled check that did not has no report of its own.
    """
    now, stack = utc_now(), operation.stack
    report = DriftReport(
        id=ids.new_id(ids.DRIFT_REPORT),
        stack_id=stack.id,
        operation_id=operation.id,
        checked_at=now,
        has_pending_changes=result.has_pending_changes,
        changes=[],
        tag_search=result.search.value,
        tag_search_reason=_short(result.search_reason),
        checked_by=result.checked_by.value,
        checks=1,
    )
    is_news = True
    if result.reason is None:
        # The stack and its report say the same: either reads what the other does.
        stack.configuration_differs = result.has_pending_changes
        report.has_pending_changes = stack.has_pending_changes
    stack.drift_checked_at = now
    if result.reason is not None:
        stack.drift_report_id, report.reason = report.id, _short(result.reason)
        report.status = verdicts.give_up(stack, result.reason, now).value
    else:
        report.digest = drift_digest(result.changes)
        changes = name_orphans(session, stack.id, result.changes)
        confirmed = confirm_report(session, operation, report, changes, findings)
        is_news, report = confirmed is None, confirmed or report
        stack.drift_report_id = report.id
        report.changes = keep_findings(session, stack, report, changes, findings)
        match_rules(session, stack, findings, now)
        missing = result.summary.add + result.summary.replace
        report.status = verdicts.conclude(session, stack, findings, now, missing).value
        report.reason = _short(stack.drift_reason)
    session.add(report)
    if result.baseline is not None:
        keep_baseline(session, stack.id, result.baseline)
    if result.reason is None:
        auto_reconcile.consider(session, operation, report)
    return is_news


def report_met_drift(
    session: Session, operation: Operation, changes: Sequence[dict[str, Any]]
) -> None:
    """Report drift that the plan of an apply met; what it did not look at stays as it was.

    Args:
        session: the open transaction.
        operation: the apply.
        changes: what differs, masked.
    """
    now, stack = utc_now(), operation.stack
    report = DriftReport(
        id=ids.new_id(ids.DRIFT_REPORT),
        stack_id=stack.id,
        operation_id=operation.id,
        checked_at=now,
        has_pending_changes=True,
        changes=[],
        digest=drift_digest(changes),
        tag_search=TagSearch.NOT_OFFERED.value,
        checked_by=CheckedBy.TERRAFORM.value,
    )
    findings = findings_of(session, [stack.id])[stack.id]
    report.changes = keep_findings(session, stack, report, changes, findings, is_whole=False)
    match_rules(session, stack, findings, now)
    report.status = verdicts.conclude(session, stack, findings, now).value
    stack.drift_checked_at, stack.drift_report_id = now, report.id
    session.add(report)


def _finish(session: Session, checks: Sequence[tuple[Operation, DriftResult]]) -> set[str]:
    """End checks; who calls this notifies workers of what may start now.

    Returns:
        The ids of those that saw something new.
    """
    news = set()
    findings = findings_of(session, [operation.stack_id for operation, _ in checks])
    for operation, result in checks:
        if record_verdict(session, operation, result, findings[operation.stack_id]):
            operation.plan_summary = result.summary.to_dict()
            news.add(operation.id)
        health.follow_check(operation, has_failed=False)
    health.count(session, [operation for operation, _ in checks])
    for operation, _ in checks:
        ending.end_silently(session, operation, OperationStatus.PLANNED_AND_FINISHED)
    return news


def _tell(session: Session, ended: Sequence[QuickResult]) -> None:
    """Write the story of provider checks: one step, how it was checked, and what was seen."""
    if not ended:
        return
    now = utc_now()
    steps = [
        {
            "operation_id": item.claim.operation_id,
            "name": StepName.READ.value,
            "status": StepStatus.DONE.value,
            "started_at": item.began_at,
            "ended_at": now,
        }
        for item in ended
    ]
    events = [
        {"operation_id": item.claim.operation_id, "at": now, "type": type_, "message": message}
        for item in ended
        for type_, message in (("drift_fingerprint", item.story), ("note", item.result.sentence()))
    ]
    session.execute(insert(OperationStep), steps)
    session.execute(insert(OperationEvent), events)


def _put_back(session: Session, operation: Operation) -> None:
    if operation.status == OperationStatus.CANCELING:
        error = OperationCanceledError("Canceled before anything was changed.")
        ending.end_silently(session, operation, OperationStatus.CANCELED, error)
        return
    operation.started_at = None
    move(operation, OperationStatus.PENDING)


def _short(text: str | None) -> str | None:
    return text and text[:MAX_REASON]
