"""One webhook: what was sent and how it went, send again, a new secret, delete."""

from __future__ import annotations

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.shell.confirmation import Confirmation, ask, refuse_or_perform
from app.console.shell.forms.entry import sent_version
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.console.webhooks.read import WebhookRow, read_webhook
from app.services.webhooks import deliveries, registry
from app.services.webhooks.registry import WebhookChange
from app.web.context import current_context, current_principal, perform


@pages.get("/settings/webhooks/<webhook_id>")
def show_webhook(webhook_id: str) -> str:
    """Show a webhook and what was sent to it."""
    page = read_webhook(current_context(), current_principal(), webhook_id, wanted_page())
    following = next_address("console.show_webhook", page.next_cursor, {"webhook_id": webhook_id})
    return render_template("webhooks/detail.html", page=page, next_page=following)


@pages.post("/settings/webhooks/<webhook_id>/switch")
def switch_webhook(webhook_id: str) -> Response:
    """Enable or disable a webhook."""
    change = WebhookChange(enabled=request.form.get("enabled") == "yes")
    with perform() as work:
        registry.change_webhook(work, webhook_id, change, sent_version())
    return go_with_notice("saved", "console.show_webhook", webhook_id=webhook_id)


@pages.post("/settings/webhooks/<webhook_id>/rotate")
def rotate_webhook_secret(webhook_id: str) -> tuple[str, int]:
    """Give a webhook a new secret and show it, this once."""
    with perform() as work:
        hook, secret = registry.rotate_secret(work, webhook_id)
        row = WebhookRow.of(hook)
    return secret_page(row, secret, "has a new secret"), 201


@pages.post("/settings/webhooks/<webhook_id>/test")
def test_webhook(webhook_id: str) -> Response:
    """Queue a test message."""
    with perform() as work:
        deliveries.send_test(work, webhook_id)
    return go_with_notice("test-queued", "console.show_webhook", webhook_id=webhook_id)


@pages.post("/settings/webhooks/<webhook_id>/deliveries/<delivery_id>/resend")
def resend(webhook_id: str, delivery_id: str) -> Response:
    """Queue a message again."""
    with perform() as work:
        deliveries.redeliver(work, webhook_id, delivery_id)
    return go_with_notice("resend-queued", "console.show_webhook", webhook_id=webhook_id)


@pages.get("/settings/webhooks/<webhook_id>/delete")
def confirm_webhook_delete(webhook_id: str) -> str:
    """Say what goes, and ask for the name."""
    return ask(_question(webhook_id))


@pages.post("/settings/webhooks/<webhook_id>/delete")
def delete_own_webhook(webhook_id: str) -> Response | tuple[str, int]:
    """Delete a webhook if its name was typed."""
    return refuse_or_perform(
        _question(webhook_id),
        lambda work: registry.delete_webhook(work, webhook_id, sent_version()),
    ) or go_with_notice("deleted", "console.list_own_webhooks")


def secret_page(row: WebhookRow, secret: str, what: str) -> str:
    """Return the page that shows a signing secret, this once."""
    return render_template("webhooks/detail_secret.html", hook=row, secret=secret, what=what)


def _question(webhook_id: str) -> Confirmation:
    page = read_webhook(current_context(), current_principal(), webhook_id, wanted_page())
    waiting = "1 pending message" if page.pending == 1 else f"{page.pending} pending messages"
    return Confirmation(
        section="settings",
        title=f"Delete the webhook {page.webhook.name}?",
        lead=f"No more messages are sent to {page.webhook.host}.",
        verb="Delete webhook",
        name=page.webhook.name,
        losses=(
            "Its signing secret and delivery history are deleted.",
            f"{waiting} will not be sent.",
        ),
        target=url_for("console.delete_own_webhook", webhook_id=webhook_id),
        back=url_for("console.show_webhook", webhook_id=webhook_id),
        version=page.webhook.version,
    )
