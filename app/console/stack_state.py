"""The state of a stack: its versions, what differs, the way back, download and upload."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.console.list_requests import wanted_form_choice, wanted_page, wanted_serial
from app.console.read_models.stack_state import (
    read_rollback,
    read_stack_states,
    read_state_diff,
)
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.domain.stacks import StateBackend
from app.errors import ConflictError, StateError, ValidationError
from app.http_errors import status_of
from app.services.operations import request_operation
from app.services.state_files import download
from app.services.state_moves import request_move
from app.services.state_uploads import upload_state
from app.web_context import current_context, current_principal

MAX_STATE_BYTES = 16 * 1024 * 1024
MAX_UPLOAD_BYTES = MAX_STATE_BYTES + 64 * 1024
"""A form around the file: its other fields and the lines between them."""


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    one = "/stacks/<stack_id>/state"
    pages.add_url_rule(one, view_func=show_stack_states)
    pages.add_url_rule(one, view_func=upload_stack_state, methods=["POST"])
    pages.add_url_rule(f"{one}/move", view_func=move_stack_state, methods=["POST"])
    pages.add_url_rule(f"{one}/diff", view_func=show_state_diff)
    pages.add_url_rule(f"{one}/<int:serial>/download", view_func=download_state)
    pages.add_url_rule(f"{one}/<int:serial>/rollback", view_func=confirm_rollback)
    pages.add_url_rule(f"{one}/<int:serial>/rollback", view_func=roll_back, methods=["POST"])


def allow_large_upload() -> None:
    """Let the form that holds a state file be as large as a state may be."""
    if request.endpoint == "console.upload_stack_state":
        request.max_content_length = MAX_UPLOAD_BYTES


def show_stack_states(stack_id: str) -> str:
    """Show the state versions of a stack."""
    return _states(stack_id)


def upload_stack_state(stack_id: str) -> AnyResponse | tuple[str, int]:
    """Take in a state that was made elsewhere; its plan shows what it means."""
    ctx, principal = current_context(), current_principal()
    data = _sent_file()
    try:
        if not data:
            raise ValidationError.at("/state", "Choose a state file that is not empty.")
        with ctx.write() as session:
            _, operation = upload_state(ctx, session, principal, stack_id, data)
            operation_id = operation.id
    except (ValidationError, ConflictError, StateError) as error:
        return _states(stack_id, f"{error.detail} {error.advice}"), status_of(error)
    return _go_to(operation_id)


def move_stack_state(stack_id: str) -> AnyResponse:
    """Move the state of a stack to the volume or to the state bucket."""
    ctx, principal = current_context(), current_principal()
    options = PlanOptions(state_backend=wanted_form_choice("state_backend", [*StateBackend]))
    with ctx.write() as session:
        _, operation = request_move(ctx, session, principal, stack_id, options)
        operation_id = operation.id
    return _go_to(operation_id)


def show_state_diff(stack_id: str) -> str:
    """Show how the state went from one version to another."""
    page = read_state_diff(
        current_context(),
        current_principal(),
        stack_id,
        wanted_serial("serial"),
        wanted_serial("against"),
    )
    return render_template("stacks/state_diff.html", page=page, tab="state")


def download_state(stack_id: str, serial: int) -> Response:
    """Send a state file; it holds secrets, so this has a right of its own and is audited."""
    data = download(current_context(), current_principal(), stack_id, serial)
    response = Response(data, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{stack_id}-{serial}.tfstate"'
    return response


def confirm_rollback(stack_id: str, serial: int) -> str:
    """Say what going back means before it is planned."""
    page = read_rollback(current_context(), current_principal(), stack_id, serial)
    return render_template("stacks/rollback.html", page=page, tab="state")


def roll_back(stack_id: str, serial: int) -> AnyResponse:
    """Plan a rollback; its plan always waits for approval."""
    ctx, principal = current_context(), current_principal()
    with ctx.write() as session:
        _, operation = request_operation(
            session, principal, stack_id, OperationType.ROLLBACK, PlanOptions(serial=serial)
        )
        operation_id = operation.id
    return _go_to(operation_id)


def _sent_file() -> bytes:
    """Return the bytes of the file of the form; a large one lies in a temporary file."""
    file = request.files.get("state")
    if file is None:
        return b""
    with file.stream as stream:
        return stream.read()


def _states(stack_id: str, failure: str | None = None) -> str:
    page = read_stack_states(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/state.html", page=page, tab="state", failure=failure)


def _go_to(operation_id: str) -> AnyResponse:
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)
