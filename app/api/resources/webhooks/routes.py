"""Webhooks and the deliveries of their messages."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import expected_version, page_request
from app.api.http.schemas import CONDITIONAL, NoBody, page_of
from app.api.resources.webhooks.presenter import present_delivery, present_webhook
from app.api.resources.webhooks.schemas import (
    DeliveryQuery,
    DeliveryView,
    NewWebhookBody,
    WebhookChangeBody,
    WebhookQuery,
    WebhookView,
    WebhookWithSecretView,
)
from app.domain.webhooks import EventType, WebhookFormat
from app.models import Webhook, WebhookDelivery
from app.services.context import Context
from app.services.webhooks import deliveries, registry
from app.services.webhooks.registry import NewWebhook, WebhookChange
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("webhooks", "Webhooks: tell others what happens")


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
            return responses.page(found, lambda row: present_webhook(ctx, row))

    @blueprint.doc(operationId="createWebhook")
    @blueprint.arguments(NewWebhookBody)
    @blueprint.response(201, WebhookWithSecretView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a webhook; its signing secret is in the answer, and never shown again

        Needs webhook:manage in the project, or webhook:manage-all for one without a project.
        """
        wanted = NewWebhook(**_with_words(body))

        return responses.create(
            lambda work: _created(work.ctx, *registry.create_webhook(work, wanted))
        )


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
        change, version = WebhookChange(**_with_words(body)), expected_version()
        with perform() as work:
            row = registry.change_webhook(work, webhook_id, change, version)
            return _single(work.ctx, row)

    @blueprint.doc(operationId="deleteWebhook")
    @blueprint.response(204)
    def delete(self, webhook_id: str) -> Response:
        """Delete a webhook with its deliveries; what was not sent yet is not sent"""
        version = expected_version()
        with perform() as work:
            registry.delete_webhook(work, webhook_id, version)
        return Response(status=204)


@blueprint.route("/webhooks/<webhook_id>/secret")
class Secret(MethodView):
    """The signing secret of a webhook."""

    @blueprint.doc(operationId="rotateWebhookSecret")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(201, WebhookWithSecretView)
    def post(self, _body: dict[str, Any], webhook_id: str) -> Response:
        """Give a webhook a new secret; the old one signs beside it for a day"""
        return responses.create(
            lambda work: _created(work.ctx, *registry.rotate_secret(work, webhook_id))
        )


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
        return responses.create(lambda work: _queued(deliveries.send_test(work, webhook_id)))


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
            return responses.page(found, present_delivery)


@blueprint.route("/webhooks/<webhook_id>/deliveries/<delivery_id>")
class OneDelivery(MethodView):
    """One message to a webhook."""

    @blueprint.doc(operationId="getWebhookDelivery", **CONDITIONAL)
    @blueprint.response(200, DeliveryView)
    def get(self, webhook_id: str, delivery_id: str) -> Response:
        """Show a message to a webhook, and how its last attempt went"""
        with current_context().read() as session:
            row = deliveries.delivery_by_id(session, current_principal(), webhook_id, delivery_id)
            return responses.single(present_delivery(row))


@blueprint.route("/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver")
class Redelivery(MethodView):
    """A message that is sent again."""

    @blueprint.doc(operationId="redeliverWebhookDelivery")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(201, DeliveryView)
    def post(self, _body: dict[str, Any], webhook_id: str, delivery_id: str) -> Response:
        """Send a message again, as a new delivery with the same ``webhook-id``"""
        return responses.create(
            lambda work: _queued(deliveries.redeliver(work, webhook_id, delivery_id))
        )


def _single(ctx: Context, row: Webhook) -> Response:
    return responses.single(present_webhook(ctx, row), row.version)


def _created(ctx: Context, row: Webhook, secret: str) -> responses.Created:
    body = {**present_webhook(ctx, row), "secret": secret}
    return responses.Created(body, f"webhooks/{row.id}", row.version, shown_once=("secret",))


def _queued(row: WebhookDelivery) -> responses.Created:
    path = f"webhooks/{row.webhook_id}/deliveries/{row.id}"
    return responses.Created(present_delivery(row), path)


def _with_words(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with values of the domain in place of texts."""
    if "events" in body:
        body["events"] = [EventType(text) for text in body["events"]]
    if "format" in body:
        body["format"] = WebhookFormat(body["format"])
    return body
