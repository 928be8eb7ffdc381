"""Webhooks: make one, change it, see what was sent and how it went, send again, send a test."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.confirmations import Confirmation, ask, ask_again, is_confirmed
from app.console.forms.entry import Entry, blank, checks, choice, filled, sent, sent_version
from app.console.forms.fields import Field, Option
from app.console.list_requests import next_address, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.webhooks import (
    WebhookRow,
    projects_with_webhooks,
    read_webhook,
    read_webhooks,
)
from app.console.words import EVENT, WEBHOOK_FORMAT
from app.domain.permissions import ServiceRight
from app.domain.webhook_target import MAX_URL
from app.domain.webhooks import EventType, WebhookFormat
from app.errors import (
    ConflictError,
    PermissionDeniedError,
    PreconditionFailedError,
    ValidationError,
)
from app.http_errors import status_of
from app.services.webhooks import deliveries, registry
from app.services.webhooks.registry import NewWebhook, WebhookChange
from app.web_context import current_context, current_principal

MAX_NAME = 64
NAME = Field("/name", "text", "Name", example="deploy channel", is_required=True)
URL = Field(
    "/url",
    "text",
    "URL",
    help="Kept encrypted, because it may hold a token.",
    example="https://hooks.example.com/landform",
    is_required=True,
)
FORMAT = choice("/format", "Format", WEBHOOK_FORMAT.items())
EVENTS = checks(
    "/events", "What it is told of", [Option(name, name, text) for name, text in EVENT.items()]
)
FIELDS = (NAME, URL, FORMAT, EVENTS)
AT_FORM = (ValidationError, ConflictError, PreconditionFailedError)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base, one = "/settings/webhooks", "/settings/webhooks/<webhook_id>"
    pages.add_url_rule(base, view_func=list_own_webhooks)
    pages.add_url_rule(f"{base}/new", view_func=ask_for_webhook)
    pages.add_url_rule(f"{base}/new", view_func=make_webhook, methods=["POST"])
    pages.add_url_rule(one, view_func=show_webhook)
    pages.add_url_rule(f"{one}/edit", view_func=edit_webhook)
    pages.add_url_rule(f"{one}/edit", view_func=save_webhook, methods=["POST"])
    for act in (switch_webhook, rotate_webhook_secret, test_webhook):
        rule = f"{one}/{act.__name__.split('_')[0]}"
        pages.add_url_rule(rule, view_func=act, methods=["POST"])
    pages.add_url_rule(f"{one}/deliveries/<delivery_id>/resend", view_func=resend, methods=["POST"])
    pages.add_url_rule(f"{one}/delete", view_func=confirm_webhook_delete)
    pages.add_url_rule(f"{one}/delete", view_func=delete_own_webhook, methods=["POST"])


def list_own_webhooks() -> str:
    """List the webhooks that one may manage."""
    page = read_webhooks(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_own_webhooks", page.next_cursor, {})
    return render_template("settings/webhooks.html", page=page, next_page=following)


def ask_for_webhook() -> str:
    """Show the form."""
    return _new_form(blank(_new_fields()))


def make_webhook() -> tuple[str, int]:
    """Make a webhook and show its signing secret, this once."""
    entry = sent(_new_fields())
    ctx = current_context()
    try:
        wanted = NewWebhook(
            _name(entry),
            entry.text("/url")[: MAX_URL + 1],
            _events(entry),
            entry.text("/project") or None,
            _format(entry),
        )
        with ctx.write() as session:
            hook, secret = registry.create_webhook(ctx, session, current_principal(), wanted)
            row = WebhookRow.of(hook)
    except AT_FORM as error:
        return _new_form(entry.after(error)), status_of(error)
    return _secret(row, secret, "is made"), 201


def show_webhook(webhook_id: str) -> str:
    """Show a webhook and what was sent to it."""
    page = read_webhook(current_context(), current_principal(), webhook_id, wanted_page())
    following = next_address("console.show_webhook", page.next_cursor, {"webhook_id": webhook_id})
    return render_template("settings/webhook.html", page=page, next_page=following)


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


def save_webhook(webhook_id: str) -> Response | tuple[str, int]:
    """Change a webhook."""
    entry = sent(FIELDS)
    try:
        change = WebhookChange(
            _name(entry), entry.text("/url")[: MAX_URL + 1], _events(entry), _format(entry)
        )
        _change(webhook_id, change)
    except AT_FORM as error:
        return _edit_form(webhook_id, entry.after(error)), status_of(error)
    return go_with_notice("saved", "console.show_webhook", webhook_id=webhook_id)


def switch_webhook(webhook_id: str) -> Response:
    """Enable or disable a webhook."""
    _change(webhook_id, WebhookChange(enabled=request.form.get("enabled") == "yes"))
    return go_with_notice("saved", "console.show_webhook", webhook_id=webhook_id)


def rotate_webhook_secret(webhook_id: str) -> tuple[str, int]:
    """Give a webhook a new secret and show it, this once."""
    ctx = current_context()
    with ctx.write() as session:
        hook, secret = registry.rotate_secret(ctx, session, current_principal(), webhook_id)
        row = WebhookRow.of(hook)
    return _secret(row, secret, "has a new secret"), 201


def test_webhook(webhook_id: str) -> Response:
    """Queue a test message."""
    with current_context().write() as session:
        deliveries.send_test(session, current_principal(), webhook_id)
    return go_with_notice("test-queued", "console.show_webhook", webhook_id=webhook_id)


def resend(webhook_id: str, delivery_id: str) -> Response:
    """Queue a message again."""
    with current_context().write() as session:
        deliveries.redeliver(session, current_principal(), webhook_id, delivery_id)
    return go_with_notice("resend-queued", "console.show_webhook", webhook_id=webhook_id)


def confirm_webhook_delete(webhook_id: str) -> str:
    """Say what goes, and ask for the name."""
    return ask(_question(webhook_id))


def delete_own_webhook(webhook_id: str) -> Response | tuple[str, int]:
    """Delete a webhook if its name was typed."""
    question = _question(webhook_id)
    if not is_confirmed(question):
        return ask_again(question)
    try:
        with current_context().write() as session:
            registry.delete_webhook(session, current_principal(), webhook_id, sent_version())
    except PreconditionFailedError as error:
        return ask_again(question, error)
    return redirect(url_for("console.list_own_webhooks", done="deleted"), 303)


def _change(webhook_id: str, change: WebhookChange) -> None:
    ctx = current_context()
    with ctx.write() as session:
        registry.change_webhook(
            ctx, session, current_principal(), webhook_id, change, sent_version()
        )


def _new_fields() -> tuple[Field, ...]:
    ctx, principal = current_context(), current_principal()
    projects = [(row.name, row.title or row.name) for row in projects_with_webhooks(ctx, principal)]
    if principal.may(ServiceRight.WEBHOOK_MANAGE_ALL):
        projects.insert(0, ("", "All projects"))
    if not projects:
        raise PermissionDeniedError("This needs the right 'webhook:manage' in a project.")
    return (*FIELDS[:2], choice("/project", "Of which project", projects), *FIELDS[2:])


def _name(entry: Entry) -> str:
    name = entry.text("/name")
    if not 0 < len(name) <= MAX_NAME:
        raise ValidationError.at("/name", f"Give a name of at most {MAX_NAME} characters.")
    return name


def _events(entry: Entry) -> list[EventType]:
    try:
        events = [EventType(name) for name in entry.many("/events")]
    except ValueError as error:
        raise ValidationError.at("/events", "Choose among those offered.") from error
    if not events:
        raise ValidationError.at("/events", "Choose at least one.")
    return events


def _format(entry: Entry) -> WebhookFormat:
    try:
        return WebhookFormat(entry.text("/format"))
    except ValueError as error:
        raise ValidationError.at("/format", "Choose one of those offered.") from error


def _new_form(entry: Entry) -> str:
    return render_template("settings/webhook_new.html", entry=entry)


def _edit_form(webhook_id: str, entry: Entry) -> str:
    return render_template("settings/webhook_edit.html", entry=entry, webhook_id=webhook_id)


def _secret(row: WebhookRow, secret: str, what: str) -> str:
    return render_template("settings/webhook_secret.html", hook=row, secret=secret, what=what)


def _question(webhook_id: str) -> Confirmation:
    page = read_webhook(current_context(), current_principal(), webhook_id, wanted_page())
    waiting = "1 message waits" if page.pending == 1 else f"{page.pending} messages wait"
    return Confirmation(
        section="settings",
        title=f"Delete the webhook {page.webhook.name}?",
        lead=f"{page.webhook.host} is not told any more.",
        verb="Delete the webhook",
        name=page.webhook.name,
        losses=(
            "Its signing secret and the record of its deliveries.",
            f"{waiting} to be sent, and will not be.",
        ),
        target=url_for("console.delete_own_webhook", webhook_id=webhook_id),
        back=url_for("console.show_webhook", webhook_id=webhook_id),
        version=page.webhook.version,
    )
