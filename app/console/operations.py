"""Operations: the list, and the page of one with its plan and log."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.clock import rfc3339
from app.console.csv_export import all_rows, csv_response
from app.console.list_requests import (
    OLDEST,
    ORDERS,
    chips_for,
    next_address,
    wanted_choice,
    wanted_page,
    wanted_text,
)
from app.console.read_models.operation import read_operation_page
from app.console.read_models.operation_list import read_operation_list
from app.console.read_models.rows import OperationRow
from app.domain.operations import OperationStatus, OperationType
from app.services.inventory import OperationFilter
from app.services.lookup import operation_by_id
from app.services.operation_log import log_lines
from app.services.pages import PageRequest
from app.web_context import current_context, current_principal

EXPORTED = ("id", "type", "status", "stack_id", "stack_name", "stack_kind", "requested_by")
EXPORTED_TIMES = ("created_at", "started_at", "ended_at")


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    one = "/operations/<operation_id>"
    pages.add_url_rule("/operations", view_func=list_operations)
    pages.add_url_rule("/operations.csv", view_func=export_operations)
    pages.add_url_rule(one, view_func=show_operation)
    pages.add_url_rule(f"{one}/log.txt", view_func=download_log)


def list_operations() -> str:
    """List operations, filtered and page by page."""
    filters, order = _wanted_operations(), wanted_choice("order", list(ORDERS))
    page = read_operation_list(
        current_context(),
        current_principal(),
        OperationFilter(**filters),
        wanted_page(),
        newest_first=order != OLDEST,
    )
    address = {**filters, "order": order}
    return render_template(
        "operations/list.html",
        page=page,
        filters=address,
        orders=ORDERS,
        chips=chips_for("console.list_operations", filters, keep={"order": order}),
        next_page=next_address("console.list_operations", page.next_cursor, address),
    )


def export_operations() -> Response:
    """Send what the list shows, all pages of it, as CSV."""
    ctx, principal = current_context(), current_principal()
    wanted = OperationFilter(**_wanted_operations())
    is_newest_first = wanted_choice("order", list(ORDERS)) != OLDEST

    def read(asked: PageRequest) -> tuple[Sequence[OperationRow], str | None]:
        page = read_operation_list(ctx, principal, wanted, asked, newest_first=is_newest_first)
        return page.rows, page.next_cursor

    rows = [
        [getattr(row, name) for name in EXPORTED]
        + [rfc3339(moment) for moment in (row.created_at, row.started_at, row.ended_at)]
        for row in all_rows(read)
    ]
    return csv_response("operations", [*EXPORTED, *EXPORTED_TIMES], rows)


def _wanted_operations() -> dict[str, str | None]:
    return {
        "q": wanted_text("q"),
        "status": wanted_choice("status", list(OperationStatus)),
        "type": wanted_choice("type", list(OperationType)),
    }


def show_operation(operation_id: str) -> str:
    """Show an operation: steps, what it waits for, plan, log."""
    page = read_operation_page(
        current_context(),
        current_principal(),
        operation_id,
        find=wanted_text("find"),
    )
    return render_template("operations/operation.html", page=page, operation=page.operation)


def download_log(operation_id: str) -> Response:
    """Send the whole log as text."""
    ctx = current_context()
    with ctx.read() as session:
        operation_by_id(session, current_principal(), operation_id)
    response = Response(log_lines(ctx, operation_id), mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{operation_id}.log"'
    return response
