"""Shapes of what the API takes and gives, shared by several groups of paths."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, fields, validate

from app.api.json_fields import Choice, Flag, Labels, Moment
from app.api.plan_schemas import PlanCounts
from app.domain.auto_reconcile import DEFAULT_PER_DAY, MAX_PER_DAY, RECONCILABLE
from app.domain.drift import DriftStatus
from app.domain.names import NAME_PATTERN, NAME_RULE
from app.domain.operations import AutoApply, OperationStatus, OperationType, StepStatus
from app.domain.stacks import OnExpiry, StackStatus, StateBackend
from app.services.pages import DEFAULT_LIMIT, MAX_LIMIT
from app.services.schedules import MAX_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS

# Marks for app.api.openapi: the answer takes If-None-Match, or waits as Prefer says.
CONDITIONAL = {"x-conditional": True}
HOLDS = {"x-holds": True}
# This DELETE needs no If-Match: what it ends (a role, a token, a session) has no versions, and must
# end at once.
UNCONDITIONAL = {"x-unconditional": True}
EMPTY: dict[str, Any] = {"example": []}


MIN_TTL_SECONDS, MAX_TTL_SECONDS = 60, 10 * 366 * 86400


class Request(Schema):
    """Base of bodies and queries: an unknown field is an error."""

    class Meta:
        """Options of marshmallow."""

        unknown = RAISE


class NoBody(Request):
    """Nothing: an empty object, or no body at all."""


class Answer(Schema):
    """Base of answers."""

    class Meta:
        """Options of marshmallow."""

        unknown = EXCLUDE


def choices(enum: type[StrEnum]) -> Choice:
    """Return a validator that lists the values of a StrEnum."""
    return Choice(enum)


class ProblemItem(Answer):
    """One bad field."""

    pointer = fields.String(metadata={"description": "JSON pointer, or ?name of a query parameter"})
    message = fields.String()


class Problem(Answer):
    """An error as RFC 9457 has it."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable; decide on this one"})
    advice = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.List(fields.Nested(ProblemItem))


class PageQuery(Request):
    """Which part of a list."""

    limit = fields.Integer(
        load_default=DEFAULT_LIMIT, validate=validate.Range(min=1, max=MAX_LIMIT)
    )
    cursor = fields.String(
        load_default=None,
        validate=validate.Length(max=500),
        metadata={"description": "next_cursor of the page before"},
    )


class Ref(Answer):
    """A thing by id and name."""

    id = fields.String(required=True, metadata={"example": "prj_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    name = fields.String(required=True)


class StackRef(Ref):
    """A stack that another one refers to, and through which parameter."""

    kind = fields.String(required=True)
    parameter = fields.String(required=True)


class References(Answer):
    """References in both directions."""

    uses = fields.List(fields.Nested(StackRef), required=True, metadata=EMPTY)
    used_by = fields.List(fields.Nested(StackRef), required=True, metadata=EMPTY)


class AutoReconcileBody(Request):
    """Which drift is undone without a person. Given again, it turns on what has turned off."""

    changes = fields.List(
        fields.String(validate=validate.OneOf([kind.value for kind in RECONCILABLE])),
        required=True,
        validate=validate.Length(min=1, max=len(RECONCILABLE)),
        metadata={"example": ["updated"]},
    )
    per_day = fields.Integer(
        strict=True,
        load_default=DEFAULT_PER_DAY,
        validate=validate.Range(min=1, max=MAX_PER_DAY),
        metadata={"description": "At most so often within 24 hours"},
    )


class AutoReconcileView(Answer):
    """Which drift is undone without a person, and why it was not."""

    changes = fields.List(fields.String(), required=True)
    per_day = fields.Integer(required=True)
    off_since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    off_reason = fields.String(required=True, allow_none=True)
    held_back = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Why the drift that was seen last is left to people"},
    )


class DriftSettingsBody(Request):
    """How a stack is watched for drift."""

    enabled = Flag()
    interval_seconds = fields.Integer(
        strict=True,
        validate=validate.Range(min=MIN_INTERVAL_SECONDS, max=MAX_INTERVAL_SECONDS),
    )
    cron = fields.String(
        validate=validate.Length(max=100), metadata={"description": "Five fields, UTC"}
    )
    follow_project = Flag(
        metadata={"description": "true: as often as the project says, and no longer its own way"}
    )
    auto_reconcile = fields.Nested(
        AutoReconcileBody, allow_none=True, metadata={"description": "null ends it"}
    )


class DriftView(Answer):
    """What is known about changes made outside Landform, and how the stack is watched."""

    status = fields.String(required=True, validate=choices(DriftStatus))
    reason = fields.String(required=True, allow_none=True)
    since = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    checked_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    next_check_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    report_id = fields.String(required=True, allow_none=True)
    enabled = fields.Boolean(required=True, metadata={"example": True})
    interval_seconds = fields.Integer(required=True, metadata={"example": 3600})
    cron = fields.String(required=True, allow_none=True)
    follow_project = fields.Boolean(required=True)
    paused_by_project = fields.Boolean(required=True, metadata={"example": False})
    failures = fields.Integer(
        required=True, metadata={"description": "Checks that failed in a row", "example": 0}
    )
    auto_reconcile = fields.Nested(
        AutoReconcileView, required=True, allow_none=True, metadata={"example": None}
    )


class StackView(Answer):
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
    expires_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    on_expiry = fields.String(required=True, validate=choices(OnExpiry))
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    created_by = fields.String(required=True)
    updated_at = fields.String(required=True, metadata={"format": "date-time"})
    deleted_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class StepView(Answer):
    """One step of an operation."""

    name = fields.String(required=True, metadata={"example": "plan"})
    status = fields.String(required=True, validate=choices(StepStatus))
    started_at = fields.String(required=True, metadata={"format": "date-time"})
    ended_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    detail = fields.String(required=True, allow_none=True)


class StatusChange(Answer):
    """A status that an operation has had, and since when."""

    status = fields.String(required=True, validate=choices(OperationStatus))
    at = fields.String(required=True, metadata={"format": "date-time"})


class WaitView(Answer):
    """Why an operation does not go on; which fields there are besides depends on the reason."""

    reason = fields.String(required=True, metadata={"example": "worker"})
    detail = fields.String(required=True, metadata={"example": "Waits for a free worker."})
    position = fields.Integer(metadata={"description": "Place in the queue, from 1"})
    operation_id = fields.String(metadata={"description": "The operation that goes first"})
    holder = fields.String(metadata={"description": "Who has locked the stack"})
    since = fields.String(metadata={"format": "date-time"})


class OperationErrorView(Answer):
    """Why an operation failed; ``code`` is one of the error codes, facts follow by name."""

    code = fields.String(required=True, metadata={"example": "terraform_failed"})
    title = fields.String(required=True)
    detail = fields.String(required=True)
    advice = fields.String(required=True)


class OrphanView(Answer):
    """A resource that may exist in the cloud and is in no state."""

    address = fields.String(required=True, allow_none=True)
    type = fields.String(required=True)
    id = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)


class ResolutionView(Answer):
    """What a person decided about an interrupted operation."""

    action = fields.String(required=True, metadata={"example": "retry"})
    by = fields.String(required=True)
    at = fields.String(required=True, metadata={"format": "date-time"})
    operation_id = fields.String(required=True, allow_none=True)


class OperationView(Answer):
    """An operation."""

    id = fields.String(required=True, metadata={"example": "op_01k9z3t7q8v5w2x4y6a8b0c1d2"})
    type = fields.String(required=True, validate=choices(OperationType))
    status = fields.String(required=True, validate=choices(OperationStatus))
    stack_id = fields.String(required=True)
    requested_by = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    started_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    ended_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    transitions = fields.List(fields.Nested(StatusChange), required=True)
    steps = fields.List(fields.Nested(StepView), required=True)
    blueprint_version = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The version of the blueprint that it planned with"},
    )
    plan = fields.Nested(PlanCounts, required=True, allow_none=True)
    waiting_for = fields.Nested(WaitView, required=True, allow_none=True)
    approved_by = fields.String(required=True, allow_none=True)
    cancel_requested_by = fields.String(required=True, allow_none=True)
    error = fields.Nested(OperationErrorView, required=True, allow_none=True)
    possibly_orphaned = fields.List(fields.Nested(OrphanView), required=True, metadata=EMPTY)
    resolution = fields.Nested(ResolutionView, required=True, allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class EventView(Answer):
    """One event of an operation; ``id`` is the cursor."""

    id = fields.Integer(required=True)
    at = fields.String(required=True, metadata={"format": "date-time"})
    type = fields.String(required=True)
    level = fields.String(required=True)
    message = fields.String(required=True)
    data = fields.Raw(required=True, allow_none=True)


class StateVersionView(Answer):
    """A state version."""

    serial = fields.Integer(required=True)
    lineage = fields.String(required=True)
    sha256 = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    terraform_version = fields.String(required=True)
    operation_id = fields.String(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    created_by = fields.String(required=True)


class AcceptedView(Answer):
    """What an accepted request answers: the stack, and the operation to follow."""

    stack = fields.Nested(StackView, required=True)
    operation = fields.Nested(OperationView, required=True, allow_none=True)


class StackSettings(Request):
    """What a client may say about any stack, when it is made and later."""

    labels = Labels()
    auto_apply = fields.String(validate=choices(AutoApply))
    drift = fields.Nested(DriftSettingsBody)
    expires_at = Moment(allow_none=True, format="iso")
    ttl_seconds = fields.Integer(
        strict=True,
        validate=validate.Range(min=MIN_TTL_SECONDS, max=MAX_TTL_SECONDS),
        metadata={"description": "Instead of expires_at: so long from now", "example": 86400},
    )
    on_expiry = fields.String(
        validate=choices(OnExpiry),
        metadata={"description": "Then destroy it at once, or ask: its destroy waits for approval"},
    )
    deletion_protection = Flag()


class NewStackBody(StackSettings):
    """A new stack; ``parameters`` is typed by its kind."""

    name = fields.String(
        required=True,
        metadata={"pattern": NAME_PATTERN, "description": NAME_RULE, "example": "web"},
    )
    project = fields.String(
        load_default="default", validate=validate.Length(max=64), metadata={"example": "default"}
    )
    cloud_account = fields.String(
        required=True, validate=validate.Length(max=64), metadata={"example": "sandbox"}
    )
    region = fields.String(validate=validate.Length(min=1, max=64), metadata={"example": "eu-west"})


def page_of(item: type[Schema], name: str) -> type[Schema]:
    """Return the schema of a page of ``item``."""
    return Answer.from_dict(
        {
            "items": fields.List(fields.Nested(item), required=True),
            "next_cursor": fields.String(required=True, allow_none=True),
        },
        name=name,
    )


StackPage = page_of(StackView, "StackPage")
OperationPage = page_of(OperationView, "OperationPage")
EventPage = page_of(EventView, "EventPage")
StateVersionPage = page_of(StateVersionView, "StateVersionPage")
