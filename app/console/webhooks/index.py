"""The list of webhooks."""

from __future__ import annotations

from flask import render_template

from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.pages import pages
from app.console.webhooks.read import read_webhooks
from app.web.context import current_context, current_principal


@pages.get("/settings/webhooks")
def list_own_webhooks() -> str:
    """List the webhooks that one may manage."""
    page = read_webhooks(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_own_webhooks", page.next_cursor, {})
    return render_template("webhooks/index.html", page=page, next_page=following)
