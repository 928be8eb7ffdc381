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
from app.domain.drift_findings import drift_digest
from app.domain.operations import OperationStatus, StepName, StepStatus
from app.errors import LandformError, OperationCanceledError
from app.models import DriftFinding, DriftReport, Operation, OperationEvent, OperationStep
from app.services import detector
from app.services.context import Context
from app.services.drift import auto_reconcile, verdicts
from app.services.drift.baselines import keep_baseline
from app.services.drift.findings import findings_of, keep_findings
from app.services.drift.rules import match_rules
from app.services.engine import ending
from app.services.engine.claims import Claim, fenced, still_held
from app.services.engine.drift_check import DriftResult
from app.services.operation_queue import ring_freed
from app.services.operation_status import move

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
    with fenced(ctx, claim) as (session, operation):
        _finish(session, [(operation, result)])
        ring_freed(session, operation.stack_id)


def finish_quickly(ctx: Context, made: Sequence[QuickResult], unmade: Sequence[Claim]) -> None:
    """End checks that were made together, and queue again those that were not; all or nothing.

    What somebody else has taken over meanwhile is left alone.
    """
    known = {item.claim: item for item in made}
    with ctx.write() as session:
        held = still_held(session, [*known, *unmade])
        ended = [(operation, known[claim]) for claim, operation in held if claim in known]
        _finish(session, [(operation, item.result) for operation, item in ended])
        for operation, _ in ended:
            operation.generation = operation.stack.generation
            operation.blueprint_version = operation.stack.blueprint_version
        _tell(session, [item for _, item in ended])
        for claim, operation in held:
            if claim not in known:
                _put_back(session, operation)
        ring_freed(session, *(operation.stack_id for _, operation in held))


def give_up(session: Session, operation: Operation, error: LandformError) -> dict[str, Any]:
    """Keep that a drift check failed, and have it tried again.

    Returns:
        What its error says more: when it is tried again.
    """
    findings = findings_of(session, [operation.stack_id])[operation.stack_id]
    record_verdict(session, operation, DriftResult(reason=error.detail), findings)
    more = detector.settle(operation, has_failed=True)
    detector.count(session, [operation])
    return more


def record_verdict(
    session: Session, operation: Operation, result: DriftResult, findings: list[DriftFinding]
) -> None:
    """Keep the report of a check with its findings, and show its verdict on the stack.

    A drift that its owner wants undone without a person is queued for that.

    Args:
        session: the open transaction.
        operation: the check.
        result: what it saw.
        findings: all of the stack, as ``app.services.drift.findings`` gives them.
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
    )
    stack.drift_checked_at, stack.drift_report_id = now, report.id
    if result.reason is not None:
        report.reason = _short(result.reason)
        report.status = verdicts.give_up(stack, result.reason, now).value
    else:
        report.digest = drift_digest(result.changes)
        report.changes = keep_findings(session, stack, report, result.changes, findings)
        match_rules(session, stack, findings, now)
        report.status = verdicts.conclude(session, stack, findings, now).value
    session.add(report)
    if result.baseline is not None:
        keep_baseline(session, stack.id, result.baseline)
    if result.reason is None:
        auto_reconcile.consider(session, operation, report)


def _finish(session: Session, checks: Sequence[tuple[Operation, DriftResult]]) -> None:
    """End checks; who calls this rings what may start now."""
    findings = findings_of(session, [operation.stack_id for operation, _ in checks])
    for operation, result in checks:
        operation.plan_summary = result.summary.to_dict()
        record_verdict(session, operation, result, findings[operation.stack_id])
        detector.settle(operation, has_failed=False)
    detector.count(session, [operation for operation, _ in checks])
    for operation, _ in checks:
        ending.end_silently(session, operation, OperationStatus.PLANNED_AND_FINISHED)


def _tell(session: Session, ended: Sequence[QuickResult]) -> None:
    """Write the story of quick checks: one step, how it was checked, and what was seen."""
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
        for type_, message in (("quick_check", item.story), ("note", item.result.sentence()))
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
