"""Shapes of stacks and of what belongs to one, as the API shows them."""

from __future__ import annotations

from marshmallow import fields, validate

from app.api.http.fields import timestamp
from app.api.http.schemas import EMPTY, Ref, ResponseSchema, choices, page_of
from app.api.resources.operations.schemas import OperationView
from app.api.resources.stacks.drift_schemas import DriftView
from app.domain.operations import AutoApply
from app.domain.stacks import OnExpiry, StackStatus, StateBackend


class MissingOutputs(fields.List):  # type: ignore[type-arg]  # not generic at run time
    """The names of outputs that are not shown, since what they tell of is gone from the cloud."""

    def __init__(self) -> None:
        """Say in the document what it is."""
        told = (
            "Outputs that are left out, since a drift check found a resource missing that they "
            "tell of; they are back when it is there again"
        )
        super().__init__(fields.String(), required=True, metadata={"description": told})


class StackRef(Ref):
    """A stack that another one refers to, and through which parameter."""

    kind = fields.String(required=True)
    parameter = fields.String(required=True)


class References(ResponseSchema):
    """References in both directions."""

    uses = fields.List(fields.Nested(StackRef), required=True, metadata=EMPTY)
    used_by = fields.List(fields.Nested(StackRef), required=True, metadata=EMPTY)


class StackView(ResponseSchema):
    """A stack, whatever its kind."""

    id = fields.String(required=True, metadata={"example": "stk_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    name = fields.String(required=True)
    kind = fields.String(required=True)
    blueprint_version = fields.String(
        required=True, metadata={"description": "The version of the blueprint that is wanted"}
    )
    applied_blueprint_version = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The version that was last applied"},
    )
    newest_blueprint_version = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What it could be upgraded to; null without the kind"},
    )
    project = fields.Nested(Ref, required=True)
    cloud_account = fields.Nested(Ref, required=True)
    cloud = fields.String(required=True)
    region = fields.String(required=True)
    parameters = fields.Dict(keys=fields.String(), required=True)
    outputs = fields.Dict(keys=fields.String(), required=True)
    missing_outputs = MissingOutputs()
    inexact = fields.List(
        fields.String(),
        required=True,
        metadata={
            "description": "Outputs and parameters that are numbers beyond the range of a double "
            "and are given as strings, such as `limit` or `sizes/0`"
        },
    )
    labels = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    auto_apply = fields.String(required=True, validate=choices(AutoApply))
    state_backend = fields.String(
        required=True,
        validate=choices(StateBackend),
        metadata={"description": "Where its Terraform state is kept"},
    )
    status = fields.String(required=True, validate=choices(StackStatus))
    status_reason = fields.String(required=True, allow_none=True)
    pending_changes = fields.Boolean(required=True)
    drift = fields.Nested(DriftView, required=True)
    references = fields.Nested(References, required=True)
    deletion_protection = fields.Boolean(required=True)
    expires_at = timestamp(allow_none=True)
    on_expiry = fields.String(required=True, validate=choices(OnExpiry))
    created_at = timestamp()
    created_by = fields.String(required=True)
    updated_at = timestamp()
    deleted_at = timestamp(allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class AcceptedView(ResponseSchema):
    """What an accepted request answers: the stack, and the operation to follow."""

    stack = fields.Nested(StackView, required=True)
    operation = fields.Nested(OperationView, required=True, allow_none=True)


StackPage = page_of(StackView, "StackPage")


class OutputsView(ResponseSchema):
    """The outputs of a stack by name."""

    outputs = fields.Dict(required=True)
    missing_outputs = MissingOutputs()


class ResourceView(ResponseSchema):
    """One resource of a stack."""

    address = fields.String(required=True)
    name = fields.String(required=True)
    type = fields.String(required=True, metadata={"example": "subnet"})
    id = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["ok", "tainted", "deposed"]))


class LetGoView(ResponseSchema):
    """A resource that left the record of its stack and stayed in the cloud."""

    address = fields.String(required=True)
    type = fields.String(required=True, metadata={"example": "bucket"})
    id = fields.String(required=True, allow_none=True)
    operation_id = fields.String(required=True)
    at = timestamp()


class ResourcePage(page_of(ResourceView, "Resources")):  # type: ignore[misc]  # made at run time
    """What a stack consists of, and what it let go of."""

    let_go = fields.List(fields.Nested(LetGoView), required=True, metadata={"example": []})
