"""The list of cloud accounts."""

from __future__ import annotations

from flask import render_template

from app.console.cloud_accounts.read import read_accounts
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/cloud-accounts")
def list_accounts() -> str:
    """List the accounts with what their last check found."""
    page = read_accounts(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_accounts", page.next_cursor, {})
    return render_template("cloud_accounts/index.html", page=page, next_page=following)
