"""The tab of resources: what a stack consists of and what it stands on."""

from __future__ import annotations

from flask import render_template

from app.console.shell.list_requests import wanted_number
from app.console.shell.pages import pages
from app.console.stacks.read_resources import read_resources
from app.web.context import current_context, current_principal


@pages.get("/stacks/<stack_id>/resources")
def show_stack_resources(stack_id: str) -> str:
    """Show what a stack consists of and what it stands on, as graphs and tables."""
    page = read_resources(current_context(), current_principal(), stack_id, wanted_number("start"))
    return render_template("stacks/resources.html", page=page, tab="resources")
