"""Keep the stories of drift: what a check saw becomes new, goes on, comes back or is gone.

Works inside the transaction of the check. A check that failed must not come here: it changes no
finding. What the findings mean for the stack is ``app.services.drift.verdicts``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain import ids
from app.domain.drift import ChangeKind, FindingEnd, TagSearch
from app.domain.drift_findings import cause_key, story_key, values_digest
from app.models import DriftFinding, DriftReport, Stack


def findings_of(session: Session, stack_ids: Collection[str]) -> dict[str, list[DriftFinding]]:
    """Return, by stack, every finding there ever was, the oldest first."""
    query = select(DriftFinding).where(DriftFinding.stack_id.in_(stack_ids))
    found: dict[str, list[DriftFinding]] = {stack_id: [] for stack_id in stack_ids}
    for row in session.scalars(query.order_by(DriftFinding.id)).unique():
        found[row.stack_id].append(row)
    return found


def keep_findings(
    session: Session,
    stack: Stack,
    report: DriftReport,
    changes: Sequence[Mapping[str, Any]],
    findings: list[DriftFinding],
    *,
    is_whole: bool = True,
) -> list[dict[str, Any]]:
    """Bring the findings of a stack up to what its check saw.

    Args:
        session: the open transaction.
        stack: what was checked.
        report: of this check, with its time and whether the search by tag was made.
        changes: what differs, masked.
        findings: all of the stack, as ``findings_of`` gives them; new ones are added.
        is_whole: whether everything was looked at, so that what was not seen is gone.

    Returns:
        The changes, each with the id of its finding.
    """
    known = {row.key: row for row in findings}
    now, kept = report.checked_at, []
    for change in changes:
        key = story_key(change)
        row = known.pop(key, None)
        if row is None:
            row = _begin(stack, key, now)
            session.add(row)
            findings.append(row)
        _continue(row, stack, change, now)
        row.report_id = report.id
        kept.append({**change, "finding_id": row.id})
    is_searched = report.tag_search == TagSearch.DONE
    for row in known.values():
        is_looked_for = is_searched or row.change != ChangeKind.CREATED
        if row.gone_since is None and is_looked_for and is_whole:
            row.gone_since, row.gone_reason = now, FindingEnd.UNDONE.value
    return kept


def open_findings(session: Session, stack_id: str) -> list[DriftFinding]:
    """Return what is not gone, the oldest first, also what rules hide."""
    query = (
        select(DriftFinding)
        .where(DriftFinding.stack_id == stack_id, DriftFinding.gone_since.is_(None))
        .order_by(DriftFinding.id)
    )
    return list(session.scalars(query).unique())


def is_visible(finding: DriftFinding, now: datetime) -> bool:
    """Tell whether no rule hides the finding now."""
    return finding.rule is None or finding.rule.expires_at <= now


def _begin(stack: Stack, key: str, now: datetime) -> DriftFinding:
    return DriftFinding(
        id=ids.new_id(ids.DRIFT_FINDING),
        stack_id=stack.id,
        stack=stack,
        key=key,
        first_seen_at=now,
        changed_at=now,
        returns=0,
    )


def _continue(row: DriftFinding, stack: Stack, change: Mapping[str, Any], now: datetime) -> None:
    digest = values_digest(change)
    if row.gone_since is not None:
        row.gone_since, row.returns = None, row.returns + 1
        row.gone_reason = row.gone_operation_id = None
    if row.values_digest not in (None, digest):
        row.changed_at = now
        # Somebody acknowledged other values than those that are there now.
        row.acknowledged_at = row.acknowledged_by = row.acknowledged_note = None
    row.last_seen_at, row.values_digest = now, digest
    row.cause = cause_key(stack.cloud, change)
    row.address, row.resource_id = change["address"], change["resource_id"]
    row.type, row.name, row.change = change["type"], change["name"], change["change"]
    row.attributes, row.mending = change["attributes"], change["mending"]
    row.orphaned_by = change.get("orphaned_by")
    row.severity, row.severity_reason = change["severity"], change["severity_reason"]
