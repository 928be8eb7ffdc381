"""The state of a stack: its versions, what differs, the way back, download and upload."""

from __future__ import annotations

from flask import Response, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.console.operations.detail import ask_and_follow
from app.console.shell.list_requests import wanted_form_choice, wanted_page, wanted_serial
from app.console.shell.pages import pages
from app.console.stacks.read_state import read_rollback, read_stack_states, read_state_diff
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.domain.stacks import StateBackend
from app.domain.state_errors import StateError
from app.errors import CloudSearchError, ConflictError, LandformError, ValidationError
from app.services.operations.control import request_operation
from app.services.operations.move_state import request_move
from app.services.state.download import download
from app.services.state.upload import examine_upload, upload_state
from app.web.context import current_context, current_principal
from app.web.http_errors import status_of
from app.web.request_limits import MAX_STATE_BYTES

MAX_UPLOAD_BYTES = MAX_STATE_BYTES + 64 * 1024
"""A form around the file: its other fields and the lines between them."""


def allow_large_upload() -> None:
    """Let the form that holds a state file be as large as a state may be."""
    if request.endpoint == "console.upload_stack_state":
        request.max_content_length = MAX_UPLOAD_BYTES


@pages.get("/stacks/<stack_id>/state")
def show_stack_states(stack_id: str) -> str:
    """Show the state versions of a stack."""
    return _states(stack_id)


@pages.post("/stacks/<stack_id>/state")
def upload_stack_state(stack_id: str) -> AnyResponse | tuple[str, int]:
    """Take in a state that was made elsewhere; its plan shows what it means."""
    ctx, principal = current_context(), current_principal()
    data = _sent_file()
    try:
        if not data:
            raise ValidationError.at("/state", "Choose a state file that is not empty.")
        examined = examine_upload(ctx, principal, stack_id, data)
        return ask_and_follow(lambda work: upload_state(work, examined))
    except (ValidationError, ConflictError, StateError, CloudSearchError) as error:
        return _states(stack_id, _in_words(error)), status_of(error)


@pages.post("/stacks/<stack_id>/state/move")
def move_stack_state(stack_id: str) -> AnyResponse:
    """Move the state of a stack to the volume or to the state bucket."""
    options = PlanOptions(state_backend=wanted_form_choice("state_backend", [*StateBackend]))
    return ask_and_follow(lambda work: request_move(work, stack_id, options))


@pages.get("/stacks/<stack_id>/state/diff")
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


@pages.get("/stacks/<stack_id>/state/<int:serial>/download")
def download_state(stack_id: str, serial: int) -> Response:
    """Send a state file; it holds secrets, so this has a right of its own and is audited."""
    data = download(current_context(), current_principal(), stack_id, serial)
    response = Response(data, mimetype="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="{stack_id}-{serial}.tfstate"'
    return response


@pages.get("/stacks/<stack_id>/state/<int:serial>/rollback")
def confirm_rollback(stack_id: str, serial: int) -> str:
    """Say what going back means before it is planned."""
    page = read_rollback(current_context(), current_principal(), stack_id, serial)
    return render_template("stacks/state_rollback.html", page=page, tab="state")


@pages.post("/stacks/<stack_id>/state/<int:serial>/rollback")
def roll_back(stack_id: str, serial: int) -> AnyResponse:
    """Plan a rollback; its plan always waits for approval."""
    options = PlanOptions(serial=serial, adopts_forgotten="adopt_forgotten" in request.form)
    return ask_and_follow(
        lambda work: request_operation(work, stack_id, OperationType.ROLLBACK, options)
    )


def _sent_file() -> bytes:
    """Return the bytes of the file of the form; a large one lies in a temporary file."""
    file = request.files.get("state")
    if file is None:
        return b""
    with file.stream as stream:
        return stream.read()


def _in_words(error: LandformError) -> str:
    """Return what is wrong, every place of it, and what to do."""
    if len(error.problems) <= 1:
        return f"{error.detail} {error.advice}"
    places = "; ".join(f"{item.pointer}: {item.message}" for item in error.problems)
    return f"{places} {error.advice}"


def _states(stack_id: str, failure: str | None = None) -> str:
    page = read_stack_states(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/state.html", page=page, tab="state", failure=failure)
