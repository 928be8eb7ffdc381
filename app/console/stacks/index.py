"""The list of stacks, on a page and as CSV."""

from __future__ import annotations

from typing import Any

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
from app.console.stacks.selected import ACTS
from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.services.paging import PageRequest
from app.services.stacks.queries import SORTED_BY, StackFilter
from app.web.context import current_context, current_principal

MAX_LABEL = 400
SORTS = [*SORTED_BY, *(f"-{name}" for name in SORTED_BY)]
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
    sort = wanted_choice("sort", SORTS)
    page = read_stack_list(
        current_context(),
        current_principal(),
        _filter_of(filters),
        wanted_page(),
        newest_first=order != OLDEST,
        sort=sort,
    )
    address = {**filters, "order": order, "sort": sort}
    return render_template(
        "stacks/index.html",
        page=page,
        filters=address,
        orders=ORDERS,
        acts=ACTS,
        views=_views(),
        chips=chips_for("console.list_stacks", filters, keep={"order": order, "sort": sort}),
        next_page=next_address("console.list_stacks", page.next_cursor, address),
    )


@pages.get("/stacks.csv")
def export_stacks() -> Response:
    """Send what the list shows, all pages of it, as CSV."""
    ctx, principal, wanted = current_context(), current_principal(), _filter_of(_wanted_stacks())
    is_newest_first = wanted_choice("order", list(ORDERS)) != OLDEST
    sort = wanted_choice("sort", SORTS)

    def read(asked: PageRequest) -> StackListPage:
        return read_stack_list(
            ctx, principal, wanted, asked, newest_first=is_newest_first, sort=sort
        )

    return csv_of("stacks", EXPORTED, read)


def _filter_of(filters: dict[str, Any]) -> StackFilter:
    """Return what the address asks for; its text is also looked for in labels."""
    others = {name: value for name, value in filters.items() if name != "q"}
    return StackFilter(**others, text=filters["q"])


def _wanted_stacks() -> dict[str, Any]:
    return {
        "q": wanted_text("q"),
        "kind": wanted_text("kind"),
        "status": wanted_choice("status", list(StackStatus)),
        "drift": wanted_choice("drift", list(DriftStatus)),
        "cloud": wanted_text("cloud"),
        "region": wanted_text("region"),
        "project": wanted_text("project"),
        "label": wanted_text("label", MAX_LABEL),
        "owner": wanted_text("owner"),
    }


def _views() -> list[tuple[str, dict[str, str]]]:
    """Return lists that one comes back to, as title and filters; their addresses can be shared."""
    return [
        ("All", {}),
        ("Mine", {"owner": current_principal().name}),
        ("Failed", {"status": StackStatus.FAILED.value}),
        ("Needs attention", {"status": StackStatus.NEEDS_ATTENTION.value}),
        ("Drifted", {"drift": DriftStatus.DRIFTED.value}),
    ]
