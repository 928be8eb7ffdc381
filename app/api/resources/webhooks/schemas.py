"""Shapes of webhooks and their deliveries."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.api.http.fields import ChoiceField, Flag, Omitted, not_blank, timestamp
from app.api.http.schemas import PageQuery, Ref, Request, ResponseSchema, choices
from app.domain.webhook_target import MAX_URL
from app.domain.webhooks import TEST_EVENT, DeliveryStatus, EventType, WebhookFormat

MAX_NAME = 64


def _name(**options: Any) -> fields.String:
    return not_blank(MAX_NAME, "deploy channel", error="Give a name.", **options)


def _url(**options: Any) -> fields.String:
    return fields.String(
        validate=validate.Length(min=1, max=MAX_URL),
        metadata={"format": "uri", "example": "https://hooks.example.com/landform"},
        **options,
    )


def _events(**options: Any) -> Any:
    return fields.List(
        fields.String(validate=choices(EventType)),
        validate=validate.Length(min=1, max=50),
        metadata={"example": ["operation.ended", "drift.found"]},
        **options,
    )


def _format(**options: Any) -> fields.String:
    return fields.String(
        validate=choices(WebhookFormat),
        metadata={"description": "`slack` sends one line of text, as Slack shows it"},
        **options,
    )


class NewWebhookBody(Request):
    """A new webhook."""

    name = _name(required=True)
    url = _url(required=True)
    events = _events(required=True)
    format = _format(load_default=WebhookFormat.STANDARD.value)
    project = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(min=1, max=MAX_NAME),
        metadata={"description": "id or name; without one it is told of all projects"},
    )


class WebhookChangeBody(Request):
    """Changes to a webhook; a field that is left out keeps its value."""

    name = _name()
    url = _url()
    events = _events()
    format = _format()
    enabled = Flag()


class WebhookQuery(PageQuery):
    """Filters of the webhooks."""

    project = fields.String(metadata={"description": "id or name"})


class DeliveryQuery(PageQuery):
    """Filters of the deliveries."""

    status = fields.String(validate=choices(DeliveryStatus))


class WebhookView(ResponseSchema):
    """A webhook; its signing secret is not shown."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    project = fields.Nested(Ref, required=True, allow_none=True)
    url = fields.String(required=True)
    events = fields.List(fields.String(validate=choices(EventType)), required=True)
    format = fields.String(required=True, validate=choices(WebhookFormat))
    enabled = fields.Boolean(required=True)
    disabled_because = fields.String(required=True, allow_none=True)
    previous_secret_until = fields.String(
        required=True,
        allow_none=True,
        metadata={"format": "date-time", "description": "until then two secrets sign"},
    )
    created_by = fields.String(required=True)
    created_at = timestamp()
    updated_at = timestamp()
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class WebhookWithSecretView(WebhookView):
    """A webhook with its new signing secret, which is shown this once."""

    secret = fields.String(
        metadata={
            "example": "whsec_C2FVsBQIhrscChlQIMV…",
            "description": "not in a replay for its Idempotency-Key",
        }
    )
    omitted = Omitted()


class DeliveryView(ResponseSchema):
    """One message to a webhook, and how its last attempt went."""

    id = fields.String(required=True)
    event_id = fields.String(
        required=True, metadata={"description": "`webhook-id`, the same at every attempt"}
    )
    event_type = fields.String(
        required=True, validate=ChoiceField("MessageType", [*EventType, TEST_EVENT])
    )
    redelivery_of = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=choices(DeliveryStatus))
    attempts = fields.Integer(required=True)
    created_at = timestamp()
    attempted_at = timestamp(allow_none=True)
    next_attempt_at = timestamp(allow_none=True)
    response_status = fields.Integer(required=True, allow_none=True)
    response_excerpt = fields.String(required=True, allow_none=True)
    duration_ms = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
