"""Make a webhook; its signing secret is shown once."""

from __future__ import annotations

from flask import render_template

from app.console.shell.forms.entry import AT_FORM, FormEntry, blank, choice, sent
from app.console.shell.forms.fields import Field
from app.console.shell.pages import pages
from app.console.webhooks.detail import secret_page
from app.console.webhooks.edit import FIELDS, MAX_NAME, typed_events
from app.console.webhooks.read import WebhookRow, projects_with_webhooks
from app.domain.permissions import ServiceRight
from app.domain.webhook_target import MAX_URL
from app.domain.webhooks import WebhookFormat
from app.errors import PermissionDeniedError
from app.services.webhooks import registry
from app.services.webhooks.registry import NewWebhook
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of


@pages.get("/settings/webhooks/new")
def ask_for_webhook() -> str:
    """Show the form."""
    return _new_form(blank(_new_fields()))


@pages.post("/settings/webhooks/new")
def make_webhook() -> tuple[str, int]:
    """Make a webhook and show its signing secret, this once."""
    entry = sent(_new_fields())
    try:
        wanted = NewWebhook(
            entry.short("/name", "a name", MAX_NAME),
            entry.text("/url")[: MAX_URL + 1],
            typed_events(entry),
            entry.text("/project") or None,
            entry.one_of("/format", WebhookFormat),
        )
        with perform() as work:
            hook, secret = registry.create_webhook(work, wanted)
            row = WebhookRow.of(hook)
    except AT_FORM as error:
        return _new_form(entry.after(error)), status_of(error)
    return secret_page(row, secret, "created"), 201


def _new_fields() -> tuple[Field, ...]:
    ctx, principal = current_context(), current_principal()
    projects = [(row.name, row.title or row.name) for row in projects_with_webhooks(ctx, principal)]
    if principal.may(ServiceRight.WEBHOOK_MANAGE_ALL):
        projects.insert(0, ("", "All projects"))
    if not projects:
        raise PermissionDeniedError("Managing webhooks requires the role Admin in a project.")
    return (*FIELDS[:2], choice("/project", "Project", projects), *FIELDS[2:])


def _new_form(entry: FormEntry) -> str:
    return render_template("webhooks/new.html", entry=entry)
