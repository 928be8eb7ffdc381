"""Shapes of the messages that webhooks are sent, one for each event; the document shows them.

``app.services.webhooks.outbox`` makes them. A receiver ignores members that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping

from marshmallow import Schema, fields, validate

from app.api.http.fields import timestamp
from app.api.http.schemas import EMPTY, Ref, ResponseSchema, choices
from app.api.resources.operations.plan_schemas import PlanCounts
from app.api.resources.operations.schemas import type_choices
from app.domain.drift import DriftStatus, Severity
from app.domain.operations import OperationStatus
from app.domain.policies import Phase, Verdict
from app.domain.stacks import OnExpiry, StackStatus
from app.domain.webhooks import TEST_EVENT, EventType


def _counts(what: str) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        required=True,
        metadata={"description": f"How many of each {what}"},
    )


class MessageStack(ResponseSchema):
    """The stack that a message is about, as it was when the message was written."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True)
    project = fields.Nested(Ref, required=True)
    cloud = fields.String(required=True)
    region = fields.String(required=True)
    status = fields.String(required=True, validate=choices(StackStatus))
    drift = fields.String(required=True, validate=choices(DriftStatus))
    link = fields.String(required=True)


class MessageError(ResponseSchema):
    """Why the operation of a message failed."""

    code = fields.String(required=True, metadata={"example": "terraform_failed"})
    title = fields.String(required=True)
    detail = fields.String(required=True)
    advice = fields.String(required=True, allow_none=True)


class PolicyMessage(ResponseSchema):
    """What a policy said about the operation of a message."""

    set = fields.String(required=True)
    policy = fields.String(required=True)
    at = fields.String(required=True, validate=choices(Phase))
    verdict = fields.String(required=True, validate=choices(Verdict))
    message = fields.String(required=True)


class MessageOperation(ResponseSchema):
    """The operation that a message is about."""

    id = fields.String(required=True)
    type = fields.String(required=True, validate=type_choices())
    status = fields.String(required=True, validate=choices(OperationStatus))
    requested_by = fields.String(required=True)
    created_at = timestamp()
    started_at = timestamp(allow_none=True)
    ended_at = timestamp(allow_none=True)
    plan = fields.Nested(PlanCounts, required=True, allow_none=True)
    policies = fields.List(fields.Nested(PolicyMessage), required=True, metadata=EMPTY)
    error = fields.Nested(MessageError, required=True, allow_none=True)
    link = fields.String(required=True)


class MessageDrift(ResponseSchema):
    """What a drift check found, by number."""

    report_id = fields.String(required=True, allow_none=True)
    checked_at = timestamp(allow_none=True)
    changes = _counts("kind of change")
    severities = _counts("severity")
    link = fields.String(required=True)


class MessageUnknownDrift(ResponseSchema):
    """Since when and why a stack could not be checked."""

    since = timestamp(allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    next_check_at = timestamp(allow_none=True)


class _DigestStack(Ref):
    """A stack in a digest."""

    kind = fields.String(required=True)
    link = fields.String(required=True)
    since = timestamp(allow_none=True)


class DigestDriftedStack(_DigestStack):
    """A stack that has drifted."""

    severity = fields.String(required=True, validate=choices(Severity))
    changes = _counts("kind of change")
    acknowledged = fields.Boolean(required=True)


class DigestUnknownStack(_DigestStack):
    """A stack that could not be checked."""

    reason = fields.String(required=True, allow_none=True)


DigestView = ResponseSchema.from_dict(
    {
        "from": fields.Date(required=True),
        "to": fields.Date(required=True),
        "stacks": _counts("drift status"),
        **{name: fields.Integer(required=True) for name in ("new", "changed", "gone", "open")},
        "severities": _counts("severity"),
        "drifted": fields.List(fields.Nested(DigestDriftedStack), required=True),
        "unknown": fields.List(fields.Nested(DigestUnknownStack), required=True),
        "not_shown": fields.Integer(required=True),
        "link": fields.String(required=True),
    },
    name="MessageDigest",
)


class _AboutStack(ResponseSchema):
    stack = fields.Nested(MessageStack, required=True)


class OperationData(_AboutStack):
    """A stack and one of its operations."""

    operation = fields.Nested(MessageOperation, required=True)


class DriftData(_AboutStack):
    """A stack and its drift."""

    drift = fields.Nested(MessageDrift, required=True)


class UnknownDriftData(_AboutStack):
    """A stack whose drift is not known."""

    drift = fields.Nested(MessageUnknownDrift, required=True)


class ReconcileOffData(OperationData):
    """A stack that is no longer reconciled by itself, and the operation after which."""

    reason = fields.String(required=True)


class AttentionData(_AboutStack):
    """A stack that a person must look at, and why."""

    reason = fields.String(required=True, allow_none=True)


class ExpiringData(_AboutStack):
    """A stack whose life time is nearly over."""

    expires_at = timestamp(allow_none=True)
    on_expiry = fields.String(required=True, validate=choices(OnExpiry))


class DigestData(ResponseSchema):
    """How the drift of a project stands."""

    project = fields.Nested(Ref, required=True)
    digest = fields.Nested(DigestView, required=True)


class WebhookTestData(ResponseSchema):
    """Which webhook was tested, and who asked for it."""

    webhook_id = fields.String(required=True)
    requested_by = fields.String(required=True)


DATA: Mapping[str, type[Schema]] = {
    EventType.OPERATION_ENDED: OperationData,
    EventType.APPROVAL_WANTED: OperationData,
    EventType.DRIFT_FOUND: DriftData,
    EventType.DRIFT_CHANGED: DriftData,
    EventType.DRIFT_GONE: DriftData,
    EventType.DRIFT_UNKNOWN: UnknownDriftData,
    EventType.AUTO_RECONCILE_OFF: ReconcileOffData,
    EventType.DRIFT_DIGEST: DigestData,
    EventType.NEEDS_ATTENTION: AttentionData,
    EventType.STACK_EXPIRING: ExpiringData,
    TEST_EVENT: WebhookTestData,
}


def _message(event: str, data: type[Schema]) -> type[Schema]:
    name = "".join(part.capitalize() for part in event.replace("_", ".").split("."))
    return ResponseSchema.from_dict(
        {
            "type": fields.String(required=True, validate=validate.Equal(event)),
            "version": fields.Integer(required=True, metadata={"example": 1}),
            "timestamp": timestamp(),
            "data": fields.Nested(data, required=True),
            "is_cut": fields.Boolean(
                metadata={"description": "Given, and true, when texts or lists were shortened"}
            ),
        },
        name=f"{name}Message",
    )


MESSAGES = {str(event): _message(event, data) for event, data in DATA.items()}
"""The shape of the body by event, in the format ``standard``."""
