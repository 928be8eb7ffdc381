"""Stacks: the list, and the page of one with its tabs."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, render_template

from app.clock import rfc3339
from app.console.csv_export import all_rows, csv_response
from app.console.list_requests import (
    OLDEST,
    ORDERS,
    chips_for,
    next_address,
    wanted_choice,
    wanted_number,
    wanted_page,
    wanted_text,
)
from app.console.read_models.resources import read_resources
from app.console.read_models.rows import StackRow
from app.console.read_models.stack import (
    read_stack_drift,
    read_stack_operations,
    read_stack_overview,
)
from app.console.read_models.stack_list import read_stack_list
from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.services.inventory import StackFilter
from app.services.pages import PageRequest
from app.web_context import current_context, current_principal

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
)


def add_pages(pages: Blueprint) -> None:
    """Add the pages of stacks to ``pages``."""
    pages.add_url_rule("/stacks", view_func=list_stacks)
    pages.add_url_rule("/stacks.csv", view_func=export_stacks)
    pages.add_url_rule("/stacks/<stack_id>", view_func=show_stack)
    pages.add_url_rule("/stacks/<stack_id>/resources", view_func=show_stack_resources)
    pages.add_url_rule("/stacks/<stack_id>/operations", view_func=show_stack_operations)
    pages.add_url_rule("/stacks/<stack_id>/drift", view_func=show_stack_drift)


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
        "stacks/list.html",
        page=page,
        filters=address,
        orders=ORDERS,
        chips=chips_for("console.list_stacks", filters, keep={"order": order}),
        next_page=next_address("console.list_stacks", page.next_cursor, address),
    )


def export_stacks() -> Response:
    """Send what the list shows, all pages of it, as CSV."""
    ctx, principal, wanted = current_context(), current_principal(), StackFilter(**_wanted_stacks())
    is_newest_first = wanted_choice("order", list(ORDERS)) != OLDEST

    def read(asked: PageRequest) -> tuple[Sequence[StackRow], str | None]:
        page = read_stack_list(ctx, principal, wanted, asked, newest_first=is_newest_first)
        return page.rows, page.next_cursor

    rows = [[getattr(row, name) for name in EXPORTED] + [_made(row)] for row in all_rows(read)]
    return csv_response("stacks", [*EXPORTED, "created_at"], rows)


def _made(row: StackRow) -> str | None:
    return rfc3339(row.created_at)


def _wanted_stacks() -> dict[str, str | None]:
    return {
        "q": wanted_text("q"),
        "kind": wanted_text("kind"),
        "status": wanted_choice("status", list(StackStatus)),
        "drift": wanted_choice("drift", list(DriftStatus)),
        "cloud": wanted_text("cloud"),
        "region": wanted_text("region"),
        "project": wanted_text("project"),
    }


def show_stack(stack_id: str) -> str:
    """Show what a stack is: parameters, outputs, references, last operations."""
    page = read_stack_overview(current_context(), current_principal(), stack_id)
    return render_template("stacks/overview.html", page=page, tab="overview")


def show_stack_resources(stack_id: str) -> str:
    """Show what a stack consists of and what it stands on, as graphs and tables."""
    page = read_resources(current_context(), current_principal(), stack_id, wanted_number("start"))
    return render_template("stacks/resources.html", page=page, tab="resources")


def show_stack_operations(stack_id: str) -> str:
    """Show all operations of a stack."""
    page = read_stack_operations(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/operations.html", page=page, tab="operations")


def show_stack_drift(stack_id: str) -> str:
    """Show the drift reports of a stack."""
    page = read_stack_drift(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/drift.html", page=page, tab="drift")
