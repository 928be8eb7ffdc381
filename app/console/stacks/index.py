"""The list of stacks, on a page and as CSV."""

from __future__ import annotations

from flask import Response, render_template

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
from app.console.stacks.read_index import StackListPage, read_stack_list
from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.services.paging import PageRequest
from app.services.stacks.queries import StackFilter
from app.web.context import current_context, current_principal

MAX_LABEL = 400
EXPORTED = (
    "id",
    "name",
    "kind",
    "project",
    "cloud",
    "cloud_account",
    "region",
    "status",
    "status_reason",
    "drift_status",
    "has_pending_changes",
    "created_by",
    "created_at",
)


@pages.get("/stacks")
def list_stacks() -> str:
    """List stacks of all kinds, filtered and page by page."""
    filters, order = _wanted_stacks(), wanted_choice("order", list(ORDERS))
    page = read_stack_list(
        current_context(),
        current_principal(),
        StackFilter(**filters),
        wanted_page(),
        newest_first=order != OLDEST,
    )
    address = {**filters, "order": order}
    return render_template(
        "stacks/index.html",
        page=page,
        filters=address,
        orders=ORDERS,
        chips=chips_for("console.list_stacks", filters, keep={"order": order}),
        next_page=next_address("console.list_stacks", page.next_cursor, address),
    )


@pages.get("/stacks.csv")
def export_stacks() -> Response:
    """Send what the list shows, all pages of it, as CSV."""
    ctx, principal, wanted = current_context(), current_principal(), StackFilter(**_wanted_stacks())
    is_newest_first = wanted_choice("order", list(ORDERS)) != OLDEST

    def read(asked: PageRequest) -> StackListPage:
        return read_stack_list(ctx, principal, wanted, asked, newest_first=is_newest_first)

    return csv_of("stacks", EXPORTED, read)


def _wanted_stacks() -> dict[str, str | None]:
    return {
        "q": wanted_text("q"),
        "kind": wanted_text("kind"),
        "status": wanted_choice("status", list(StackStatus)),
        "drift": wanted_choice("drift", list(DriftStatus)),
        "cloud": wanted_text("cloud"),
        "region": wanted_text("region"),
        "project": wanted_text("project"),
        "label": wanted_text("label", MAX_LABEL),
    }
