"""Shapes of operations and their events, as the API shows them."""

from __future__ import annotations

from marshmallow import Schema, fields

from app.api.http.fields import ChoiceField, timestamp
from app.api.http.schemas import EMPTY, ResponseSchema, choices, page_of
from app.api.resources.operations.cost_schemas import PlanCostView
from app.api.resources.operations.plan_schemas import PlanCounts
from app.api.resources.operations.policy_schemas import PolicyResultView
from app.domain.operation_registry import operation_facts
from app.domain.operations import EventLevel, OperationStatus, OperationType, StepStatus


def type_choices() -> ChoiceField:
    """Return a validator that lists the types of operations."""
    return ChoiceField(OperationType.__name__, [*operation_facts()])


class OperationErrorView(Schema):
    """Why an operation failed; ``code`` is one of the error codes, facts follow by name."""

    code = fields.String(required=True, metadata={"example": "terraform_failed"})
    title = fields.String(required=True)
    detail = fields.String(
        required=True,
        metadata={"description": "At most 16 KiB; in lists the first line, at most 500 bytes"},
    )
    advice = fields.String(required=True)
    is_cut = fields.Boolean(
        required=True, metadata={"description": "Whether there was more than `detail` has"}
    )


class OrphanView(Schema):
    """A resource that may exist in the cloud and is in no state."""

    address = fields.String(required=True, allow_none=True)
    type = fields.String(required=True)
    id = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)


class ResolutionView(Schema):
    """What a person decided about an interrupted operation."""

    action = fields.String(required=True, metadata={"example": "retry"})
    by = fields.String(required=True)
    at = timestamp()
    operation_id = fields.String(required=True, allow_none=True)
    is_forced = fields.Boolean(
        required=True, metadata={"description": "Whether the orphans were left as they are"}
    )
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why, if somebody said it"}
    )


class StepView(ResponseSchema):
    """One step of an operation."""

    name = fields.String(required=True, metadata={"example": "plan"})
    status = fields.String(required=True, validate=choices(StepStatus))
    started_at = timestamp()
    ended_at = timestamp(allow_none=True)
    detail = fields.String(required=True, allow_none=True)


class StatusChange(ResponseSchema):
    """A status that an operation has had, and since when."""

    status = fields.String(required=True, validate=choices(OperationStatus))
    at = timestamp()


class WaitView(ResponseSchema):
    """Why an operation does not go on; which fields there are besides depends on the reason."""

    reason = fields.String(required=True, metadata={"example": "worker"})
    detail = fields.String(required=True, metadata={"example": "Waits for a free worker."})
    position = fields.Integer(metadata={"description": "Place in the queue, from 1"})
    operation_id = fields.String(metadata={"description": "The operation that goes first"})
    holder = fields.String(metadata={"description": "Who has locked the stack"})
    since = fields.String(metadata={"format": "date-time"})


class OperationView(ResponseSchema):
    """An operation."""

    id = fields.String(required=True, metadata={"example": "op_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    type = fields.String(required=True, validate=type_choices())
    status = fields.String(required=True, validate=choices(OperationStatus))
    stack_id = fields.String(required=True)
    requested_by = fields.String(required=True)
    created_at = timestamp()
    started_at = timestamp(allow_none=True)
    ended_at = timestamp(allow_none=True)
    transitions = fields.List(fields.Nested(StatusChange), required=True)
    steps = fields.List(fields.Nested(StepView), required=True)
    blueprint_version = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The version of the blueprint that it planned with"},
    )
    plan = fields.Nested(PlanCounts, required=True, allow_none=True)
    policies = fields.List(
        fields.Nested(PolicyResultView),
        required=True,
        metadata={**EMPTY, "description": "What policies said that are not met"},
    )
    cost = fields.Nested(PlanCostView, required=True, allow_none=True)
    waiting_for = fields.Nested(WaitView, required=True, allow_none=True)
    approved_by = fields.String(required=True, allow_none=True)
    cancel_requested_by = fields.String(required=True, allow_none=True)
    error = fields.Nested(OperationErrorView, required=True, allow_none=True)
    possibly_orphaned = fields.List(fields.Nested(OrphanView), required=True, metadata=EMPTY)
    unresolved = fields.Boolean(
        required=True,
        metadata={"description": "Whether nothing else may change the stack before a resolution"},
    )
    resolution = fields.Nested(ResolutionView, required=True, allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class EventView(ResponseSchema):
    """One event of an operation; ``id`` is the cursor."""

    id = fields.Integer(required=True)
    at = timestamp()
    type = fields.String(
        required=True,
        metadata={
            "description": "`step`, `note`, `recovery` and others of Landform, or a type of "
            "Terraform's messages; there will be more",
            "example": "apply_complete",
        },
    )
    level = fields.String(required=True, validate=choices(EventLevel))
    message = fields.String(required=True)
    data = fields.Raw(required=True, allow_none=True)


class ResolvedView(ResponseSchema):
    """The interrupted operation, and the one that was queued."""

    operation = fields.Nested(OperationView, required=True)
    following = fields.Nested(OperationView, required=True, allow_none=True)


OperationPage = page_of(OperationView, "OperationPage")
EventPage = page_of(EventView, "EventPage")
