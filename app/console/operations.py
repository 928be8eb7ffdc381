"""Operations: the list, the page of one with its plan and log, and what a person decides."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.console.list_requests import chips_for, next_address, wanted_choice, wanted_page
from app.console.read_models.operation import read_operation_page
from app.console.read_models.operation_list import read_operation_list
from app.domain.operations import OperationStatus, OperationType
from app.errors import NotFoundError
from app.models import Operation
from app.services import operations
from app.services.access import Principal
from app.services.inventory import OperationFilter
from app.services.lookup import operation_by_id
from app.services.operation_log import log_lines
from app.services.resolutions import Resolution, resolve
from app.web_context import current_context, current_principal

Decision = Callable[[Session, Principal, str], Operation]


def add_pages(pages: Blueprint) -> None:
    """Add the pages and decisions to ``pages``."""
    one = "/operations/<operation_id>"
    pages.add_url_rule("/operations", view_func=list_operations)
    pages.add_url_rule(one, view_func=show_operation)
    pages.add_url_rule(f"{one}/log.txt", view_func=download_log)
    for decision in (approve, discard, cancel):
        rule = f"{one}/{decision.__name__}"
        pages.add_url_rule(rule, view_func=decision, methods=["POST"])
    pages.add_url_rule(f"{one}/resolve/<choice>", view_func=resolve_operation, methods=["POST"])


def list_operations() -> str:
    """List operations, newest first, filtered and page by page."""
    filters = {
        "status": wanted_choice("status", list(OperationStatus)),
        "type": wanted_choice("type", list(OperationType)),
    }
    page = read_operation_list(
        current_context(), current_principal(), OperationFilter(**filters), wanted_page()
    )
    return render_template(
        "operations/list.html",
        page=page,
        filters=filters,
        chips=chips_for("console.list_operations", filters),
        next_page=next_address("console.list_operations", page.next_cursor, filters),
    )


def show_operation(operation_id: str) -> str:
    """Show an operation: steps, what it waits for, plan, log."""
    page = read_operation_page(current_context(), current_principal(), operation_id)
    return render_template("operations/operation.html", page=page, operation=page.operation)


def download_log(operation_id: str) -> Response:
    """Send the whole log as text."""
    ctx = current_context()
    with ctx.read() as session:
        operation_by_id(session, current_principal(), operation_id)
    response = Response(log_lines(ctx, operation_id), mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{operation_id}.log"'
    return response


def approve(operation_id: str) -> Response:
    """Let the plan be applied."""
    return _decide(operations.approve, operation_id)


def discard(operation_id: str) -> Response:
    """Throw the plan away."""
    return _decide(operations.discard, operation_id)


def cancel(operation_id: str) -> Response:
    """Ask the operation to stop."""
    return _decide(operations.cancel, operation_id)


def resolve_operation(operation_id: str, choice: str) -> Response:
    """Decide what becomes of an interrupted operation, and show what follows."""
    if choice not in list(Resolution):
        raise NotFoundError(f"There is no choice {choice[:20]!r}.")
    with current_context().write() as session:
        resolution = Resolution(choice)
        row, following = resolve(session, current_principal(), operation_id, resolution)
        shown = (following or row).id
    return redirect(url_for("console.show_operation", operation_id=shown), 303)


def _decide(decision: Decision, operation_id: str) -> Response:
    with current_context().write() as session:
        decision(session, current_principal(), operation_id)
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)
