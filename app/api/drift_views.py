"""Shapes of drift: reports, the changes in them, and findings; and how models become them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import fields
from sqlalchemy.orm import Session

from app.api.plan_schemas import AttributeChangeView
from app.api.present import PREFIX
from app.api.schemas import Answer, Ref, choices, page_of
from app.clock import rfc3339, utc_now
from app.domain.drift import ChangeKind, CheckedBy, DriftStatus, Mending, Severity, TagSearch
from app.models import DriftFinding, DriftReport
from app.services.drift.finding_lists import findings_by_id
from app.services.drift.findings import is_visible


def _moment(**options: Any) -> fields.String:
    return fields.String(required=True, metadata={"format": "date-time"}, **options)


class AcknowledgementView(Answer):
    """Who has seen a finding, and what he says about it."""

    by = fields.String(required=True, metadata={"example": "admin"})
    at = _moment()
    note = fields.String(required=True, allow_none=True)


class HiddenByView(Answer):
    """The ignore rule that hides a finding, and until when."""

    rule_id = fields.String(required=True, metadata={"example": "drl_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    owner = fields.String(required=True, metadata={"example": "admin"})
    reason = fields.String(required=True)
    until = _moment()


class DriftChangeView(Answer):
    """A resource that is not as recorded; ``before`` is the state, ``after`` reality."""

    finding_id = fields.String(required=True, allow_none=True)
    address = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "null for what was created outside",
            "example": "terraform_data.this",
        },
    )
    resource_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What the cloud calls it; for what was created outside"},
    )
    name = fields.String(required=True, metadata={"example": "subnet eu-west-a"})
    type = fields.String(required=True, metadata={"example": "terraform_data"})
    change = fields.String(required=True, validate=choices(ChangeKind))
    attributes = fields.List(fields.Nested(AttributeChangeView), required=True)
    severity = fields.String(required=True, validate=choices(Severity))
    severity_reason = fields.String(
        required=True, allow_none=True, metadata={"example": "public access"}
    )
    mending = fields.String(
        required=True,
        allow_none=True,
        validate=choices(Mending),
        metadata={
            "description": "What reconciling would do about it; with none only accepting ends it"
        },
    )
    first_seen_at = _moment(allow_none=True)
    acknowledged = fields.Nested(AcknowledgementView, required=True, allow_none=True)
    hidden_by = fields.Nested(HiddenByView, required=True, allow_none=True)


class TagSearchView(Answer):
    """Whether it could be looked for what was created outside."""

    status = fields.String(required=True, validate=choices(TagSearch))
    reason = fields.String(required=True, allow_none=True)


class DriftReportView(Answer):
    """The result of one drift check."""

    id = fields.String(required=True, metadata={"example": "dr_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    stack_id = fields.String(required=True)
    operation_id = fields.String(required=True)
    checked_at = _moment()
    status = fields.String(required=True, validate=choices(DriftStatus))
    reason = fields.String(required=True, allow_none=True)
    pending_changes = fields.Boolean(required=True)
    checked_by = fields.String(
        required=True,
        validate=choices(CheckedBy),
        metadata={
            "description": "Who looked: Terraform, or the provider alone, where all that Terraform "
            "plans from is as it was when it found no difference"
        },
    )
    tag_search = fields.Nested(TagSearchView, required=True)
    changes = fields.List(fields.Nested(DriftChangeView), required=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class FindingStackView(Ref):
    """The stack that a finding is about."""

    kind = fields.String(required=True)
    cloud = fields.String(required=True)
    region = fields.String(required=True)
    project = fields.Nested(Ref, required=True)


class FindingView(DriftChangeView):
    """A story of drift: what differs, since when, how often it came back, who knows of it."""

    id = fields.String(required=True, metadata={"example": "df_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    stack = fields.Nested(FindingStackView, required=True)
    last_seen_at = _moment()
    changed_at = _moment()
    gone_since = _moment(allow_none=True)
    returns = fields.Integer(
        required=True, metadata={"description": "How often it was gone and came back"}
    )
    cause = fields.String(
        required=True, metadata={"description": "The same for what probably has the same cause"}
    )
    report_id = fields.String(required=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


DriftReportPage = page_of(DriftReportView, "DriftReportPage")
FindingPage = page_of(FindingView, "DriftFindingPage")


def reports(session: Session, rows: Sequence[DriftReport]) -> Callable[[DriftReport], Any]:
    """Return what presents each of ``rows``, having read all their findings at once."""
    names = {change.get("finding_id") for row in rows for change in row.changes}
    known = findings_by_id(session, [name for name in names if name is not None])
    return lambda row: _report(row, known)


def report(session: Session, row: DriftReport) -> dict[str, Any]:
    """Return one drift report."""
    shown: dict[str, Any] = reports(session, [row])(row)
    return shown


def finding(row: DriftFinding) -> dict[str, Any]:
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
        "last_seen_at": rfc3339(row.last_seen_at),
        "changed_at": rfc3339(row.changed_at),
        "gone_since": rfc3339(row.gone_since),
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
    added = ("finding_id", "resource_id", "severity_reason", "mending")
    return {**dict.fromkeys(added), **item, **_known_of(row)}


def _known_of(row: DriftFinding | None) -> dict[str, Any]:
    """Return what is known of the story now, which may be more than when it was reported."""
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
