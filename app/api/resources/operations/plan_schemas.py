"""Shapes of plans and drift: what happens, or has happened, to single resources."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.http.fields import ChoiceField
from app.domain.drift import ChangeKind


def _masked() -> fields.Field[object]:
    description = "Any JSON value; a sensitive one is masked"
    return fields.Raw(required=True, allow_none=True, metadata={"description": description})


class AttributeChangeView(Schema):
    """One attribute that differs."""

    path = fields.String(required=True, metadata={"example": "size"})
    before = _masked()
    after = _masked()
    sensitive = fields.Boolean(required=True)
    forces_replacement = fields.Boolean(required=True)


class ResourceChangeView(Schema):
    """What a plan does to one resource, in Terraform's words."""

    address = fields.String(required=True, metadata={"example": "terraform_data.this"})
    previous_address = fields.String(required=True, allow_none=True)
    mode = fields.String(required=True, metadata={"example": "managed"})
    type = fields.String(required=True, metadata={"example": "terraform_data"})
    name = fields.String(required=True, metadata={"example": "this"})
    module = fields.String(required=True)
    action = fields.String(
        required=True,
        metadata={
            "description": "create, update, delete, replace, read, import, move or forget",
            "example": "create",
        },
    )
    actions = fields.List(fields.String(metadata={"example": "create"}), required=True)
    action_reason = fields.String(required=True, allow_none=True)
    imported_id = fields.String(required=True, allow_none=True)
    before = _masked()
    after = _masked()
    attributes = fields.List(fields.Nested(AttributeChangeView), required=True)


class DriftedResourceView(Schema):
    """A resource that changed outside Landform; ``before`` is the state, ``after`` reality."""

    address = fields.String(required=True, metadata={"example": "terraform_data.this"})
    name = fields.String(required=True, metadata={"example": "this"})
    type = fields.String(required=True, metadata={"example": "terraform_data"})
    change = fields.String(
        required=True, validate=ChoiceField(ChangeKind.__name__, list(ChangeKind))
    )
    attributes = fields.List(fields.Nested(AttributeChangeView), required=True)


class OutputChangeView(Schema):
    """What happens to one output."""

    name = fields.String(required=True, metadata={"example": "network_id"})
    actions = fields.List(fields.String(metadata={"example": "create"}), required=True)
    before = _masked()
    after = _masked()
    sensitive = fields.Boolean(required=True)


class PlanCounts(Schema):
    """What a plan would do, in numbers of resources; a replacement counts under replace only.

    One that is moved or imported and changed as well counts under both.
    """

    add = fields.Integer(required=True)
    change = fields.Integer(required=True)
    destroy = fields.Integer(required=True)
    replace = fields.Integer(required=True)
    import_ = fields.Integer(
        required=True,
        attribute="import",
        data_key="import",
        metadata={"description": "It exists in the cloud and enters the record"},
    )
    move = fields.Integer(
        required=True,
        metadata={"description": "The record gets it under another address; nothing else happens"},
    )
    forget = fields.Integer(
        required=True, metadata={"description": "It leaves the record and stays in the cloud"}
    )


class PlanTotals(Schema):
    """How many entries the whole plan has."""

    changes = fields.Integer(required=True)
    drift = fields.Integer(required=True)


class PlanView(Schema):
    """A plan, of whose entries this is one page; what does not change is left out."""

    terraform_version = fields.String(required=True, metadata={"example": "1.11.4"})
    summary = fields.Nested(PlanCounts, required=True)
    changes = fields.List(fields.Nested(ResourceChangeView), required=True)
    drift = fields.List(fields.Nested(DriftedResourceView), required=True)
    outputs = fields.List(fields.Nested(OutputChangeView), required=True)
    errored = fields.Boolean(required=True)
    applyable = fields.Boolean(required=True)
    totals = fields.Nested(PlanTotals, required=True)
    next_cursor = fields.String(required=True, allow_none=True)
