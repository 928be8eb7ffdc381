"""The tab of drift: what differs now, what is over, and the reports."""

from __future__ import annotations

from flask import render_template

from app.console.shell.list_requests import wanted_page
from app.console.shell.pages import pages
from app.console.stacks.read_drift import read_stack_drift
from app.web.context import current_context, current_principal


@pages.get("/stacks/<stack_id>/drift")
def show_stack_drift(stack_id: str) -> str:
    """Show the drift reports of a stack."""
    page = read_stack_drift(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/drift.html", page=page, tab="drift")
