"""Drift over all stacks: what changed outside Landform, since when, and why it matters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from flask import Blueprint, Response, render_template, request

from app.clock import rfc3339
from app.console.csv_export import all_rows, csv_response
from app.console.list_requests import (
    chips_for,
    next_address,
    wanted_choice,
    wanted_page,
    wanted_text,
)
from app.console.read_models.drift import GROUPS, Wanted, read_drift_page, read_findings
from app.console.read_models.findings import Finding
from app.domain.drift import DriftStatus
from app.services.pages import PageRequest
from app.web_context import current_context, current_principal

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
)
EXPORTED_BESIDES = ("attributes", "first_seen_at", "last_seen_at")
SWEEP = ("due", "queued", "unwatched")


def add_pages(pages: Blueprint) -> None:
    """Add the drift page to ``pages``."""
    pages.add_url_rule("/drift", view_func=show_drift)
    pages.add_url_rule("/drift.csv", view_func=export_findings)


def show_drift() -> str:
    """Show the fleet by stack or by cause, or what ignore rules hide."""
    wanted = _wanted()
    page = read_drift_page(current_context(), current_principal(), wanted, wanted_page(DRIFT_ROWS))
    filters = {**asdict(wanted), "group": wanted.group if wanted.group != "stack" else None}
    shown = {name: value for name, value in filters.items() if name not in ("group", "cause")}
    return render_template(
        "drift/drift.html",
        page=page,
        wanted=wanted,
        filters=filters,
        groups=GROUPS,
        chips=chips_for("console.show_drift", shown, keep={"group": filters["group"]}),
        next_page=next_address("console.show_drift", page.next_cursor, filters),
        sweep=_sweep(),
    )


def export_findings() -> Response:
    """Send the findings that the filters leave, all pages of them, as CSV."""
    ctx, principal, wanted = current_context(), current_principal(), _wanted()

    def read(asked: PageRequest) -> tuple[Sequence[Finding], str | None]:
        return read_findings(ctx, principal, wanted, asked)

    rows = [
        [getattr(row, name) for name in EXPORTED]
        + [", ".join(item["path"] for item in row.attributes)]
        + [rfc3339(row.first_seen_at), rfc3339(row.last_seen_at)]
        for row in all_rows(read)
    ]
    return csv_response("drift", [*EXPORTED, *EXPORTED_BESIDES], rows)


def _wanted() -> Wanted:
    return Wanted(
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
