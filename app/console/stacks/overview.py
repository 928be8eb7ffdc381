"""The first tab of a stack: parameters, outputs, references, last operations."""

from __future__ import annotations

from flask import render_template

from app.console.shell.pages import pages
from app.console.stacks.read_overview import read_stack_overview
from app.web.context import current_context, current_principal


@pages.get("/stacks/<stack_id>")
def show_stack(stack_id: str) -> str:
    """Show what a stack is: parameters, outputs, references, last operations."""
    page = read_stack_overview(current_context(), current_principal(), stack_id)
    return render_template("stacks/overview.html", page=page, tab="overview")
