"""The tab of operations, and what one can have done to a stack from any tab."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.console.operations.detail import ask_and_follow
from app.console.shell.list_requests import wanted_page
from app.console.shell.pages import pages
from app.console.stacks.read_operations import read_stack_operations
from app.domain.operation_registry import types_where
from app.errors import ValidationError
from app.services.operations.control import request_operation
from app.web.context import current_context, current_principal


@pages.get("/stacks/<stack_id>/operations")
def show_stack_operations(stack_id: str) -> str:
    """Show all operations of a stack."""
    page = read_stack_operations(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/operations.html", page=page, tab="operations")


@pages.post("/stacks/<stack_id>/operations")
def start_operation(stack_id: str) -> AnyResponse:
    """Queue an operation and go to its page."""
    # A destroy has a page of its own, which asks for the name.
    wanted, at_once = request.form.get("type", ""), types_where(lambda facts: facts.starts_at_once)
    if wanted not in at_once:
        raise ValidationError.at("/type", f"Choose one of: {', '.join(at_once)}.")
    return ask_and_follow(lambda work: request_operation(work, stack_id, wanted))
