"""Operations: the list, and the page of one with its plan and log."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.console.list_requests import (
    chips_for,
    next_address,
    wanted_choice,
    wanted_page,
    wanted_text,
)
from app.console.read_models.operation import read_operation_page
from app.console.read_models.operation_list import read_operation_list
from app.domain.operations import OperationStatus, OperationType
from app.services.inventory import OperationFilter
from app.services.lookup import operation_by_id
from app.services.operation_log import log_lines
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    one = "/operations/<operation_id>"
    pages.add_url_rule("/operations", view_func=list_operations)
    pages.add_url_rule(one, view_func=show_operation)
    pages.add_url_rule(f"{one}/log.txt", view_func=download_log)


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
    find = wanted_text("find")
    page = read_operation_page(current_context(), current_principal(), operation_id, find)
    return render_template("operations/operation.html", page=page, operation=page.operation)


def download_log(operation_id: str) -> Response:
    """Send the whole log as text."""
    ctx = current_context()
    with ctx.read() as session:
        operation_by_id(session, current_principal(), operation_id)
    response = Response(log_lines(ctx, operation_id), mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{operation_id}.log"'
    return response
