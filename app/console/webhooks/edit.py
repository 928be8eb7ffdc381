"""Change a webhook."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.console.shell.forms.entry import AT_FORM, FormEntry, checks, choice, filled, sent
from app.console.shell.forms.fields import Field, Option
from app.console.shell.labels.webhooks import EVENT, WEBHOOK_FORMAT
from app.console.shell.list_requests import wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.console.webhooks.read import read_webhook
from app.domain.webhook_target import MAX_URL
from app.domain.webhooks import EventType, WebhookFormat
from app.errors import ValidationError
from app.services.webhooks import registry
from app.services.webhooks.registry import WebhookChange
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_NAME = 64
NAME = Field("/name", "text", "Name", example="deploy channel", is_required=True)
URL = Field(
    "/url",
    "text",
    "URL",
    help="Stored encrypted, because it may contain a token.",
    example="https://hooks.example.com/landform",
    is_required=True,
)
FORMAT = choice("/format", "Format", WEBHOOK_FORMAT.items())
EVENTS = checks("/events", "Events", [Option(name, text) for name, text in EVENT.items()])
FIELDS = (NAME, URL, FORMAT, EVENTS)


@pages.get("/settings/webhooks/<webhook_id>/edit")
def edit_webhook(webhook_id: str) -> str:
    """Show the form with what the webhook is now."""
    page = read_webhook(current_context(), current_principal(), webhook_id, wanted_page())
    hook = page.webhook
    typed = {
        "/name": hook.name,
        "/url": page.url,
        "/format": hook.format,
        "/events": "\n".join(hook.events),
    }
    return _edit_form(webhook_id, filled(FIELDS, typed, hook.version))


@pages.post("/settings/webhooks/<webhook_id>/edit")
def save_webhook(webhook_id: str) -> Response | tuple[str, int]:
    """Change a webhook."""
    entry = sent(FIELDS)
    try:
        change = WebhookChange(
            entry.short("/name", "a name", MAX_NAME),
            entry.text("/url")[: MAX_URL + 1],
            typed_events(entry),
            entry.one_of("/format", WebhookFormat),
        )
        with perform() as work:
            registry.change_webhook(work, webhook_id, change, entry.version)
    except AT_FORM as error:
        return _edit_form(webhook_id, entry.after(error)), status_of(error)
    return go_with_notice("saved", "console.show_webhook", webhook_id=webhook_id)


def typed_events(entry: FormEntry) -> list[EventType]:
    """Return the events that were chosen.

    Raises:
        ValidationError: there is none, or one that is not on offer.
    """
    try:
        events = [EventType(name) for name in entry.many("/events")]
    except ValueError as error:
        raise ValidationError.at("/events", "Choose from the listed events.") from error
    if not events:
        raise ValidationError.at("/events", "Choose at least one event.")
    return events


def _edit_form(webhook_id: str, entry: FormEntry) -> str:
    return render_template("webhooks/edit.html", entry=entry, webhook_id=webhook_id)
