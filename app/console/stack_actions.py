"""What one can have done to a stack: plan, apply, a drift check, its destruction."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.forms.values import ON
from app.console.read_models.destruction import read_destruction
from app.domain.operations import OperationType
from app.errors import ValidationError
from app.services.operations import request_operation
from app.services.stack_deletions import delete_stack
from app.web_context import current_context, current_principal

# A destroy has a page of its own, which asks for the name.
AT_ONCE = (OperationType.PLAN, OperationType.APPLY, OperationType.DRIFT_CHECK)


def add_pages(pages: Blueprint) -> None:
    """Add the actions to ``pages``."""
    pages.add_url_rule("/stacks/<stack_id>/operations", view_func=start_operation, methods=["POST"])
    pages.add_url_rule("/stacks/<stack_id>/destroy", view_func=confirm_destroy)
    pages.add_url_rule("/stacks/<stack_id>/destroy", view_func=destroy_stack, methods=["POST"])


def start_operation(stack_id: str) -> Response:
    """Queue an operation and go to its page."""
    wanted = request.form.get("type", "")
    if wanted not in AT_ONCE:
        raise ValidationError.at("/type", f"Choose one of: {', '.join(AT_ONCE)}.")
    with current_context().write() as session:
        _, operation = request_operation(
            session, current_principal(), stack_id, OperationType(wanted)
        )
        operation_id = operation.id
    return _go_to(operation_id)


def confirm_destroy(stack_id: str) -> str:
    """Say what would go, and ask for the name."""
    page = read_destruction(current_context(), current_principal(), stack_id)
    return render_template("stacks/destroy.html", page=page, typed="", message=None)


def destroy_stack(stack_id: str) -> Response | tuple[str, int]:
    """Queue the destruction if the name was typed correctly."""
    ctx, principal = current_context(), current_principal()
    typed = request.form.get("name", "")
    page = read_destruction(ctx, principal, stack_id)
    if typed != page.header.stack.name:
        message = f"Type {page.header.stack.name} exactly as it is written here."
        return render_template("stacks/destroy.html", page=page, typed=typed, message=message), 422
    with_users = request.form.get("cascade") == ON
    with ctx.write() as session:
        _, operation = delete_stack(session, principal, stack_id, with_users=with_users)
        operation_id = operation.id
    return _go_to(operation_id)


def _go_to(operation_id: str) -> Response:
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)
