"""Shapes of drift: reports, the changes in them, and findings."""

from __future__ import annotations

from marshmallow import fields

from app.api.http.fields import timestamp
from app.api.http.schemas import Ref, ResponseSchema, choices, page_of
from app.api.resources.operations.plan_schemas import AttributeChangeView
from app.domain.drift import (
    ChangeKind,
    CheckedBy,
    DriftStatus,
    FindingEnd,
    Mending,
    Severity,
    TagSearch,
)


class AcknowledgementView(ResponseSchema):
    """Who has acknowledged a finding, when, and with which note."""

    by = fields.String(required=True, metadata={"example": "admin"})
    at = timestamp()
    note = fields.String(required=True, allow_none=True)


class HiddenByView(ResponseSchema):
    """The ignore rule that hides a finding, and until when."""

    rule_id = fields.String(required=True, metadata={"example": "drl_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    owner = fields.String(required=True, metadata={"example": "admin"})
    reason = fields.String(required=True)
    until = timestamp()


class DriftChangeView(ResponseSchema):
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
        metadata={
            "description": "What the cloud calls it; for what was created outside or is gone"
        },
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
    orphaned_by = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "The interrupted operation that made what no state has; null for what "
            "others made",
            "example": None,
        },
    )
    first_seen_at = timestamp(allow_none=True)
    acknowledged = fields.Nested(AcknowledgementView, required=True, allow_none=True)
    hidden_by = fields.Nested(HiddenByView, required=True, allow_none=True)


class TagSearchView(ResponseSchema):
    """Whether it could be looked for what was created outside."""

    status = fields.String(required=True, validate=choices(TagSearch))
    reason = fields.String(required=True, allow_none=True)


class DriftReportView(ResponseSchema):
    """The result of one drift check."""

    id = fields.String(required=True, metadata={"example": "dr_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    stack_id = fields.String(required=True)
    operation_id = fields.String(required=True)
    checked_at = timestamp()
    first_checked_at = timestamp()
    checks = fields.Integer(
        required=True,
        metadata={
            "description": "How many checks saw the same, from `first_checked_at` to `checked_at`; "
            "`operation_id` is the first of them"
        },
    )
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
    """What differs, since when, how often it came back, who has acknowledged it."""

    id = fields.String(required=True, metadata={"example": "df_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    stack = fields.Nested(FindingStackView, required=True)
    last_seen_at = timestamp()
    changed_at = timestamp()
    gone_since = timestamp(allow_none=True)
    gone_reason = fields.String(
        required=True,
        allow_none=True,
        validate=choices(FindingEnd),
        metadata={
            "description": "mended by an apply, accepted by a person, or undone in the cloud",
            "example": None,
        },
    )
    gone_operation_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Which operation ended it", "example": None},
    )
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
