"""Reports of drift checks: a new one for what is new, else the last one is confirmed.

A fleet is checked around the clock and mostly found as it was. What a scheduled check saw again is
one row for as long as nothing changes, with the times of the first and the last check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import exact_json
from app.domain.drift import DriftStatus
from app.domain.operation_registry import facts_of
from app.domain.queueing import SYSTEM
from app.errors import NotFoundError
from app.models import (
    DriftFinding,
    DriftReport,
    Operation,
    Stack,
)
from app.services.access import Principal
from app.services.drift.findings import is_visible
from app.services.drift.rules import match_rules
from app.services.drift.verdicts import CONCLUSIVE
from app.services.lookup import stack_by_id
from app.services.paging import Page, PageRequest, fetch_page


def is_scheduled(operation: Operation) -> bool:
    """Tell whether an operation is a drift check that no person asked for."""
    return facts_of(operation.type).checks_drift and operation.requested_by == SYSTEM


def confirm_report(
    session: Session,
    operation: Operation,
    seen: DriftReport,
    changes: Sequence[Mapping[str, Any]],
    findings: Sequence[DriftFinding],
) -> DriftReport | None:
    """Return the last report of a stack, confirmed, if a scheduled check saw the same once more.

    Args:
        session: the open transaction.
        operation: the check.
        seen: what it saw, not added to the session; without changes.
        changes: what differs, masked.
        findings: all of the stack.
    """
    stack = operation.stack
    if not is_scheduled(operation) or stack.drift_report_id is None:
        return None
    last = session.get(DriftReport, stack.drift_report_id)
    is_same = (
        last is not None
        and _facts(last) == _facts(seen)
        and last.status == stack.drift_status
        and last.status in CONCLUSIVE
        and _is_repeated(last, changes, findings)
        and last.status == _verdict(session, operation, findings, seen.checked_at)
    )
    if last is None or not is_same:
        return None
    last.first_checked_at = last.first_checked_at or last.checked_at
    last.checked_at, last.checked_by = seen.checked_at, seen.checked_by
    last.checks += 1
    return last


def _is_repeated(
    last: DriftReport, changes: Sequence[Mapping[str, Any]], findings: Sequence[DriftFinding]
) -> bool:
    """Tell whether the changes are those of the last report, and all that is open."""
    open_ids = {row.id for row in findings if row.gone_since is None}
    before = [
        {name: value for name, value in change.items() if name != "finding_id"}
        for change in last.changes
    ]
    are_equal = exact_json.dumps(before) == exact_json.dumps([*changes])
    return are_equal and open_ids == {change.get("finding_id") for change in last.changes}


def _facts(report: DriftReport) -> tuple[Any, ...]:
    return (
        report.reason,
        report.has_pending_changes,
        report.digest,
        report.tag_search,
        report.tag_search_reason,
    )


def _verdict(
    session: Session, operation: Operation, findings: Sequence[DriftFinding], now: datetime
) -> DriftStatus:
    """Return what the open findings mean by the rules of now; they stay as they are."""
    match_rules(session, operation.stack, findings, now)
    found = [item for item in findings if item.gone_since is None]
    is_seen = any(is_visible(item, now) for item in found)
    return DriftStatus.DRIFTED if is_seen else DriftStatus.IN_SYNC


def list_drift_reports(
    session: Session, principal: Principal, stack_id: str, page: PageRequest
) -> Page[DriftReport]:
    """Return the drift reports of a stack, newest first."""
    stack_by_id(session, principal, stack_id)
    query = select(DriftReport).where(DriftReport.stack_id == stack_id)
    return fetch_page(session, query, DriftReport.id, page, newest_first=True)


def drift_report(
    session: Session, principal: Principal, stack_id: str, report_id: str
) -> DriftReport:
    """Return one drift report of a stack.

    Raises:
        NotFoundError: there is no such stack or report.
    """
    stack_by_id(session, principal, stack_id)
    row = session.get(DriftReport, report_id)
    if row is None or row.stack_id != stack_id:
        raise NotFoundError(
            f"Stack {stack_id} has no drift report {report_id!r}.",
            advice="Check the id; old reports are removed. The stack names its last one.",
        )
    return row


def latest_reports(session: Session, stacks: list[Stack]) -> dict[str, DriftReport]:
    """Return the last drift report of each stack that has one, by stack id."""
    wanted = [stack.drift_report_id for stack in stacks if stack.drift_report_id]
    rows = session.scalars(select(DriftReport).where(DriftReport.id.in_(wanted)))
    return {row.stack_id: row for row in rows}
