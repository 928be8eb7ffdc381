"""The list of policy sets."""

from __future__ import annotations

from flask import render_template

from app.console.policies.read import read_policies_page
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal


@pages.get("/settings/policies")
def list_policies() -> str:
    """List the sets of policies, what the catalog ships, and exceptions."""
    page = read_policies_page(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_policies", page.next_cursor, {})
    return render_template("policies/index.html", page=page, next_page=following)
