"""The list of operations, on a page and as CSV."""

from __future__ import annotations

from typing import Any

from flask import render_template
from werkzeug.wrappers import Response

from app.console.operations.read_index import OperationListPage, read_operation_list
from app.console.shell.csv_export import csv_of
from app.console.shell.list_requests import (
    OLDEST,
    ORDERS,
    chips_for,
    next_address,
    wanted_choice,
    wanted_page,
    wanted_text,
)
from app.console.shell.pages import pages
from app.domain.operation_registry import operation_facts
from app.domain.operations import OperationStatus
from app.services.operations.queries import OperationFilter
from app.services.paging import PageRequest
from app.web.context import current_context, current_principal

EXPORTED = (
    "id",
    "type",
    "status",
    "stack_id",
    "stack_name",
    "stack_kind",
    "requested_by",
    "created_at",
    "started_at",
    "ended_at",
)


@pages.get("/operations")
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
        "operations/index.html",
        page=page,
        filters=address,
        orders=ORDERS,
        chips=chips_for("console.list_operations", filters, keep={"order": order}),
        next_page=next_address("console.list_operations", page.next_cursor, address),
    )


@pages.get("/operations.csv")
def export_operations() -> Response:
    """Send what the list shows, all pages of it, as CSV."""
    ctx, principal = current_context(), current_principal()
    wanted = OperationFilter(**_wanted_operations())
    is_newest_first = wanted_choice("order", list(ORDERS)) != OLDEST

    def read(asked: PageRequest) -> OperationListPage:
        return read_operation_list(ctx, principal, wanted, asked, newest_first=is_newest_first)

    return csv_of("operations", EXPORTED, read)


def _wanted_operations() -> dict[str, Any]:
    return {
        "q": wanted_text("q"),
        "status": wanted_choice("status", list(OperationStatus)),
        "type": wanted_choice("type", operation_facts()),
    }
