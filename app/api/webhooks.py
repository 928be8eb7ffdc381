"""Webhooks: who is told of what, and how each message went."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers
from app.api.json_fields import Flag
from app.api.present import PREFIX
from app.api.requests import ApiBlueprint, expected_version, page_request
from app.api.schemas import CONDITIONAL, Answer, NoBody, PageQuery, Ref, Request, choices, page_of
from app.clock import rfc3339
from app.domain.webhook_target import MAX_URL
from app.domain.webhooks import DeliveryStatus, EventType, WebhookFormat
from app.models import Webhook, WebhookDelivery
from app.services.access import Principal
from app.services.context import Context
from app.services.webhooks import deliveries, registry
from app.services.webhooks.registry import NewWebhook, WebhookChange
from app.services.webhooks.sealing import open_url
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("webhooks", "Webhooks: tell others what happens")

MAX_NAME = 64
NOT_BLANK = r"^\s*\S"


def _name(**options: Any) -> fields.String:
    return fields.String(
        validate=[validate.Length(max=MAX_NAME), validate.Regexp(NOT_BLANK, error="Give a name.")],
        metadata={"example": "deploy channel", "pattern": NOT_BLANK},
        **options,
    )


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
    """What is wanted otherwise; what is left out stays as it is."""

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


class WebhookView(Answer):
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
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    updated_at = fields.String(required=True, metadata={"format": "date-time"})
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class WebhookWithSecretView(WebhookView):
    """A webhook with its new signing secret, which is shown this once."""

    secret = fields.String(required=True, metadata={"example": "whsec_C2FVsBQIhrscChlQIMV…"})


class DeliveryView(Answer):
    """One message to a webhook, and how its last attempt went."""

    id = fields.String(required=True)
    event_id = fields.String(
        required=True, metadata={"description": "`webhook-id`, the same at every attempt"}
    )
    event_type = fields.String(required=True)
    redelivery_of = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=choices(DeliveryStatus))
    attempts = fields.Integer(required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    attempted_at = fields.String(required=True, allow_none=True, metadata={"format": "date-time"})
    next_attempt_at = fields.String(
        required=True, allow_none=True, metadata={"format": "date-time"}
    )
    response_status = fields.Integer(required=True, allow_none=True)
    response_excerpt = fields.String(required=True, allow_none=True)
    duration_ms = fields.Integer(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.route("/webhooks")
class Webhooks(MethodView):
    """All webhooks."""

    @blueprint.doc(operationId="listWebhooks")
    @blueprint.arguments(WebhookQuery, location="query")
    @blueprint.response(200, page_of(WebhookView, "WebhookPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the webhooks that you may manage; needs webhook:manage in a project"""
        ctx, page = current_context(), page_request(query)
        with ctx.read() as session:
            found = registry.list_webhooks(session, current_principal(), page, query.get("project"))
            return answers.page(found, lambda row: _present(ctx, row))

    @blueprint.doc(operationId="createWebhook")
    @blueprint.arguments(NewWebhookBody)
    @blueprint.response(201, WebhookWithSecretView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a webhook; its signing secret is in the answer, and never shown again

        Needs webhook:manage in the project, or webhook:manage-all for one without a project.
        """
        wanted = NewWebhook(**_with_words(body))

        def work(session: Session, ctx: Context, principal: Principal) -> answers.Created:
            return _created(ctx, *registry.create_webhook(ctx, session, principal, wanted))

        return answers.create(work)


@blueprint.route("/webhooks/<webhook_id>")
class OneWebhook(MethodView):
    """One webhook."""

    @blueprint.doc(operationId="getWebhook")
    @blueprint.response(200, WebhookView)
    def get(self, webhook_id: str) -> Response:
        """Show a webhook"""
        ctx = current_context()
        with ctx.read() as session:
            return _single(ctx, registry.webhook_by_id(session, current_principal(), webhook_id))

    @blueprint.doc(operationId="changeWebhook")
    @blueprint.arguments(WebhookChangeBody)
    @blueprint.response(200, WebhookView)
    def patch(self, body: dict[str, Any], webhook_id: str) -> Response:
        """Change a webhook; enabling a disabled one sends what still waits"""
        ctx, change, version = (
            current_context(),
            WebhookChange(**_with_words(body)),
            expected_version(),
        )
        with ctx.write() as session:
            row = registry.change_webhook(
                ctx, session, current_principal(), webhook_id, change, version
            )
            return _single(ctx, row)

    @blueprint.doc(operationId="deleteWebhook")
    @blueprint.response(204)
    def delete(self, webhook_id: str) -> Response:
        """Delete a webhook with its deliveries; what was not sent yet is not sent"""
        version = expected_version()
        with current_context().write() as session:
            registry.delete_webhook(session, current_principal(), webhook_id, version)
        return Response(status=204)


@blueprint.route("/webhooks/<webhook_id>/secret")
class Secret(MethodView):
    """The signing secret of a webhook."""

    @blueprint.doc(operationId="rotateWebhookSecret")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(201, WebhookWithSecretView)
    def post(self, _body: dict[str, Any], webhook_id: str) -> Response:
        """Give a webhook a new secret; the old one signs beside it for a day"""

        def work(session: Session, ctx: Context, principal: Principal) -> answers.Created:
            return _created(ctx, *registry.rotate_secret(ctx, session, principal, webhook_id))

        return answers.create(work)


@blueprint.route("/webhooks/<webhook_id>/test")
class Test(MethodView):
    """A test message."""

    @blueprint.doc(operationId="testWebhook")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(201, DeliveryView)
    def post(self, _body: dict[str, Any], webhook_id: str) -> Response:
        """Send a test message; follow the delivery to see what became of it

        It is tried once, and with it what waits before it.
        """

        def work(session: Session, _ctx: Context, principal: Principal) -> answers.Created:
            return _queued(deliveries.send_test(session, principal, webhook_id))

        return answers.create(work)


@blueprint.route("/webhooks/<webhook_id>/deliveries")
class Deliveries(MethodView):
    """What was sent to a webhook."""

    @blueprint.doc(operationId="listWebhookDeliveries")
    @blueprint.arguments(DeliveryQuery, location="query")
    @blueprint.response(200, page_of(DeliveryView, "WebhookDeliveryPage"))
    def get(self, query: dict[str, Any], webhook_id: str) -> Response:
        """List the messages to a webhook of the last 30 days, newest first"""
        page = page_request(query)
        with current_context().read() as session:
            found = deliveries.list_deliveries(
                session, current_principal(), webhook_id, page, query.get("status")
            )
            return answers.page(found, _present_delivery)


@blueprint.route("/webhooks/<webhook_id>/deliveries/<delivery_id>")
class OneDelivery(MethodView):
    """One message to a webhook."""

    @blueprint.doc(operationId="getWebhookDelivery", **CONDITIONAL)
    @blueprint.response(200, DeliveryView)
    def get(self, webhook_id: str, delivery_id: str) -> Response:
        """Show a message to a webhook, and how its last attempt went"""
        with current_context().read() as session:
            row = deliveries.delivery_by_id(session, current_principal(), webhook_id, delivery_id)
            return answers.single(_present_delivery(row))


@blueprint.route("/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver")
class Redelivery(MethodView):
    """A message that is sent again."""

    @blueprint.doc(operationId="redeliverWebhookDelivery")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(201, DeliveryView)
    def post(self, _body: dict[str, Any], webhook_id: str, delivery_id: str) -> Response:
        """Send a message again, as a new delivery with the same ``webhook-id``"""

        def work(session: Session, _ctx: Context, principal: Principal) -> answers.Created:
            return _queued(deliveries.redeliver(session, principal, webhook_id, delivery_id))

        return answers.create(work)


def _present(ctx: Context, row: Webhook) -> dict[str, Any]:
    base = _base(row.id)
    return {
        "id": row.id,
        "name": row.name,
        "project": {"id": row.project.id, "name": row.project.name} if row.project else None,
        "url": open_url(ctx.keys, row),
        "events": list(row.events),
        "format": row.format,
        "enabled": row.is_enabled,
        "disabled_because": row.disabled_because,
        "previous_secret_until": rfc3339(row.previous_secret_until),
        "created_by": row.created_by,
        "created_at": rfc3339(row.created_at),
        "updated_at": rfc3339(row.updated_at),
        "links": {"self": base, "deliveries": f"{base}/deliveries"},
    }


def _present_delivery(row: WebhookDelivery) -> dict[str, Any]:
    base = _base(row.webhook_id)
    return {
        "id": row.id,
        "event_id": row.event_id,
        "event_type": row.event.type,
        "redelivery_of": row.redelivery_of,
        "status": row.status,
        "attempts": row.attempts,
        "created_at": rfc3339(row.created_at),
        "attempted_at": rfc3339(row.attempted_at),
        "next_attempt_at": rfc3339(row.next_attempt_at),
        "response_status": row.response_status,
        "response_excerpt": row.response_excerpt,
        "duration_ms": row.duration_ms,
        "error": row.error,
        "links": {"self": f"{base}/deliveries/{row.id}", "webhook": base},
    }


def _base(webhook_id: str) -> str:
    return f"{PREFIX}/webhooks/{webhook_id}"


def _single(ctx: Context, row: Webhook) -> Response:
    return answers.single(_present(ctx, row), str(row.version))


def _created(ctx: Context, row: Webhook, secret: str) -> answers.Created:
    body = {**_present(ctx, row), "secret": secret}
    return answers.Created(body, f"webhooks/{row.id}", row.version)


def _queued(row: WebhookDelivery) -> answers.Created:
    path = f"webhooks/{row.webhook_id}/deliveries/{row.id}"
    return answers.Created(_present_delivery(row), path)


def _with_words(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with its words turned into those of the domain."""
    if "events" in body:
        body["events"] = [EventType(text) for text in body["events"]]
    if "format" in body:
        body["format"] = WebhookFormat(body["format"])
    return body
