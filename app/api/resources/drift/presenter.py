"""Turn drift reports and findings into the values that the API answers with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from app.api.http.blueprint import PREFIX
from app.clock import rfc3339, utc_now
from app.models import DriftFinding, DriftReport
from app.services.drift.findings import is_visible
from app.services.drift.queries import findings_by_id


def report_presenter(session: Session, rows: Sequence[DriftReport]) -> Callable[[DriftReport], Any]:
    """Return what presents each of ``rows``, having read all their findings at once."""
    names = {change.get("finding_id") for row in rows for change in row.changes}
    known = findings_by_id(session, [name for name in names if name is not None])
    return lambda row: _report(row, known)


def present_report(session: Session, row: DriftReport) -> dict[str, Any]:
    """Return one drift report."""
    shown: dict[str, Any] = report_presenter(session, [row])(row)
    return shown


def present_finding(row: DriftFinding) -> dict[str, Any]:
    """Return a finding."""
    stack, base = row.stack, f"{PREFIX}/drift/findings/{row.id}"
    return {
        "id": row.id,
        "finding_id": row.id,
        "stack": {
            "id": stack.id,
            "name": stack.name,
            "kind": stack.kind,
            "cloud": stack.cloud,
            "region": stack.region,
            "project": {"id": stack.project.id, "name": stack.project.name},
        },
        "address": row.address,
        "resource_id": row.resource_id,
        "name": row.name,
        "type": row.type,
        "change": row.change,
        "attributes": row.attributes,
        "severity": row.severity,
        "severity_reason": row.severity_reason,
        "mending": row.mending,
        "orphaned_by": row.orphaned_by,
        "last_seen_at": rfc3339(row.last_seen_at),
        "changed_at": rfc3339(row.changed_at),
        "gone_since": rfc3339(row.gone_since),
        "gone_reason": row.gone_reason,
        "gone_operation_id": row.gone_operation_id,
        "returns": row.returns,
        "cause": row.cause,
        "report_id": row.report_id,
        "links": {
            "self": base,
            "stack": f"{PREFIX}/stacks/{stack.id}",
            "report": f"{PREFIX}/stacks/{stack.id}/drift-reports/{row.report_id}",
        },
        **_known_of(row),
    }


def _report(row: DriftReport, known: Mapping[str, DriftFinding]) -> dict[str, Any]:
    return {
        "id": row.id,
        "stack_id": row.stack_id,
        "operation_id": row.operation_id,
        "checked_at": rfc3339(row.checked_at),
        "first_checked_at": rfc3339(row.first_checked_at or row.checked_at),
        "checks": row.checks,
        "status": row.status,
        "reason": row.reason,
        "pending_changes": row.has_pending_changes,
        "checked_by": row.checked_by,
        "tag_search": {"status": row.tag_search, "reason": row.tag_search_reason},
        "changes": [_change(item, known.get(item.get("finding_id", ""))) for item in row.changes],
        "links": {
            "self": f"{PREFIX}/stacks/{row.stack_id}/drift-reports/{row.id}",
            "operation": f"{PREFIX}/operations/{row.operation_id}",
        },
    }


def _change(item: Mapping[str, Any], row: DriftFinding | None) -> dict[str, Any]:
    """Return a change; those of before findings were kept lack some of it."""
    added = ("finding_id", "resource_id", "severity_reason", "mending", "orphaned_by")
    return {**dict.fromkeys(added), **item, **_known_of(row)}


def _known_of(row: DriftFinding | None) -> dict[str, Any]:
    """Return what is known of a finding now, which may be more than when it was reported."""
    hidden = row.rule if row is not None and not is_visible(row, utc_now()) else None
    is_seen = row is not None and row.acknowledged_at is not None
    return {
        "first_seen_at": rfc3339(row.first_seen_at) if row is not None else None,
        "acknowledged": {
            "by": row.acknowledged_by,
            "at": rfc3339(row.acknowledged_at),
            "note": row.acknowledged_note,
        }
        if row is not None and is_seen
        else None,
        "hidden_by": {
            "rule_id": hidden.id,
            "owner": hidden.owner,
            "reason": hidden.reason,
            "until": rfc3339(hidden.expires_at),
        }
        if hidden is not None
        else None,
    }
