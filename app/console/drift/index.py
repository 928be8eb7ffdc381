"""Drift over all stacks: what changed outside Landform, since when, and why it matters."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from app.console.drift.finding_rows import FindingRow
from app.console.drift.read_index import (
    GROUPS,
    DriftFilters,
    FindingList,
    read_drift_page,
    read_findings,
)
from app.console.shell.csv_export import csv_of
from app.console.shell.list_requests import (
    chips_for,
    next_address,
    wanted_choice,
    wanted_form_choice,
    wanted_form_text,
    wanted_page,
    wanted_text,
)
from app.console.shell.pages import pages
from app.domain.drift import DriftStatus
from app.services.drift.sweep import CheckFilter, check_many
from app.services.paging import PageRequest
from app.web.context import current_context, current_principal, perform

DRIFT_ROWS = 20
"""Each row holds all findings of a stack, so a page of them has fewer than other lists."""
EXPORTED = (
    "id",
    "stack_id",
    "stack_name",
    "stack_kind",
    "address",
    "type",
    "change",
    "severity",
    "severity_reason",
    "mending",
    "attributes",
    "first_seen_at",
    "last_seen_at",
)
SWEEP = ("due", "queued", "unwatched")


@pages.get("/drift")
def show_drift() -> str:
    """Show the fleet by stack or by cause, or what ignore rules hide."""
    wanted = _wanted()
    page = read_drift_page(current_context(), current_principal(), wanted, wanted_page(DRIFT_ROWS))
    filters = {**asdict(wanted), "group": wanted.group if wanted.group != "stack" else None}
    shown = {name: value for name, value in filters.items() if name not in ("group", "cause")}
    return render_template(
        "drift/index.html",
        page=page,
        wanted=wanted,
        filters=filters,
        groups=GROUPS,
        chips=chips_for("console.show_drift", shown, keep={"group": filters["group"]}),
        next_page=next_address("console.show_drift", page.next_cursor, filters),
        sweep=_sweep(),
    )


@pages.get("/drift.csv")
def export_findings() -> Response:
    """Send the findings that the filters leave, all pages of them, as CSV."""
    ctx, principal, wanted = current_context(), current_principal(), _wanted()

    def read(asked: PageRequest) -> FindingList:
        return read_findings(ctx, principal, wanted, asked)

    return csv_of("drift", EXPORTED, read, _cell)


@pages.post("/drift/checks")
def check_filter() -> AnyResponse:
    """Have the stacks of a filter checked, and say on the same page what became of it."""
    chosen = {name: wanted_form_text(name) for name in ("project", "kind", "cloud")}
    status = wanted_form_choice("verdict", list(DriftStatus))
    with perform() as work:
        sweep = check_many(work, CheckFilter(**chosen, status=status))
    told = dict(zip(SWEEP, (sweep.due, sweep.already_queued, sweep.not_watched), strict=True))
    address: dict[str, Any] = {**chosen, **told}
    return redirect(url_for("console.show_drift", verdict=status, **address), 303)


def _cell(row: FindingRow, column: str) -> object:
    if column == "attributes":
        return ", ".join(item["path"] for item in row.attributes)
    return getattr(row, column)


def _wanted() -> DriftFilters:
    return DriftFilters(
        group=wanted_choice("group", list(GROUPS)) or "stack",
        verdict=wanted_choice("verdict", list(DriftStatus)),
        project=wanted_text("project"),
        kind=wanted_text("kind"),
        cloud=wanted_text("cloud"),
        cause=wanted_text("cause"),
    )


def _sweep() -> dict[str, int] | None:
    """Return what became of a request to check many, when the address tells it."""
    told = {name: request.args.get(name, "") for name in SWEEP}
    if not all(text.isascii() and text.isdigit() and len(text) < 8 for text in told.values()):
        return None
    return {name: int(text) for name, text in told.items()}
