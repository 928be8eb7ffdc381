"""Destroy a stack: say what would go, and ask for its name."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.operations.detail import ask_and_follow
from app.console.shell.confirmation import mistyped
from app.console.shell.forms.values import ON
from app.console.shell.pages import pages
from app.console.stacks.read_destroy import read_destruction
from app.services.stacks.deletion import delete_stack
from app.web.context import current_context, current_principal


@pages.get("/stacks/<stack_id>/destroy")
def confirm_destroy(stack_id: str) -> str:
    """Say what would go, and ask for the name."""
    page = read_destruction(current_context(), current_principal(), stack_id)
    return render_template("stacks/destroy.html", page=page, typed="", message=None)


@pages.post("/stacks/<stack_id>/destroy")
def destroy_stack(stack_id: str) -> Response | tuple[str, int]:
    """Queue the destruction if the name was typed correctly."""
    page = read_destruction(current_context(), current_principal(), stack_id)
    if wrong := mistyped(page.header.stack.name):
        typed, message = wrong
        return render_template("stacks/destroy.html", page=page, typed=typed, message=message), 422
    with_users = request.form.get("cascade") == ON
    return ask_and_follow(lambda work: delete_stack(work, stack_id, with_users=with_users))
