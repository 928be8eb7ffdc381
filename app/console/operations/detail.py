"""The page of one operation with its plan and log."""

from __future__ import annotations

from collections.abc import Callable

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.console.operations.read_detail import read_operation_page
from app.console.shell.list_requests import wanted_text
from app.console.shell.pages import pages
from app.models import Operation
from app.services.lookup import operation_by_id
from app.services.operations.log import log_lines
from app.services.work import Work
from app.web.context import current_context, current_principal, perform


@pages.get("/operations/<operation_id>")
def show_operation(operation_id: str) -> str:
    """Show an operation: steps, what it waits for, plan, log."""
    page = read_operation_page(
        current_context(), current_principal(), operation_id, find=wanted_text("find")
    )
    return render_template("operations/detail.html", page=page, operation=page.operation)


@pages.get("/operations/<operation_id>/log.txt")
def download_log(operation_id: str) -> Response:
    """Send the whole log as text."""
    ctx = current_context()
    with ctx.read() as session:
        operation_by_id(session, current_principal(), operation_id)
    response = Response(log_lines(ctx, operation_id), mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{operation_id}.log"'
    return response


def go_to_operation(operation_id: str) -> Response:
    """Return the way to the page of an operation."""
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)


def ask_and_follow(act: Callable[[Work], tuple[object, Operation]]) -> Response:
    """Perform ``act``, which asks for an operation, and go to the page of that one."""
    with perform() as work:
        _, operation = act(work)
        operation_id = operation.id
    return go_to_operation(operation_id)
