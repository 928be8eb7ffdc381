"""Cancel an operation, or have its Terraform killed."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.console.operations.detail import go_to_operation
from app.console.operations.read_detail import read_operation
from app.console.shell.confirmation import mistyped
from app.console.shell.pages import pages
from app.services.operations import control
from app.web.context import current_context, current_principal, perform


@pages.get("/operations/<operation_id>/cancel")
def confirm_cancel(operation_id: str) -> str:
    """Say what cancelling leaves behind."""
    return _question(operation_id, "operations/cancel.html")


@pages.post("/operations/<operation_id>/cancel")
def cancel(operation_id: str) -> Response:
    """Ask the operation to stop."""
    with perform() as work:
        control.cancel(work, operation_id)
    return go_to_operation(operation_id)


@pages.get("/operations/<operation_id>/force-cancel")
def confirm_force_cancel(operation_id: str) -> str:
    """Say what killing Terraform may cost, and ask for the name of the stack."""
    return _question(operation_id, "operations/cancel_force.html")


@pages.post("/operations/<operation_id>/force-cancel")
def force_cancel(operation_id: str) -> Response | tuple[str, int]:
    """Have Terraform killed, if the name was typed correctly."""
    operation = read_operation(current_context(), current_principal(), operation_id)
    if wrong := mistyped(operation.stack_name):
        return _question(operation_id, "operations/cancel_force.html", *wrong), 422
    with perform() as work:
        control.force_cancel(work, operation_id)
    return go_to_operation(operation_id)


def _question(operation_id: str, template: str, typed: str = "", message: str | None = None) -> str:
    operation = read_operation(current_context(), current_principal(), operation_id)
    return render_template(template, operation=operation, typed=typed, message=message)
