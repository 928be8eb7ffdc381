"""The audit trail: filtered, page by page, exported, and checked as a chain."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.audit.read_trail import read_trail
from app.console.shell.list_requests import (
    chips_for,
    next_address,
    wanted_choice,
    wanted_page,
    wanted_text,
)
from app.console.shell.pages import pages
from app.errors import NotFoundError
from app.services.audit_trail import trail
from app.services.audit_trail.export import FORMATS, in_batches
from app.services.audit_trail.trail import TrailFilter
from app.services.audit_trail.verification import Verification, verify_for
from app.web.context import current_context, current_principal

MAX_FILTER = 64
PERIODS = {"1": "Last day", "7": "Last 7 days", "30": "Last 30 days", "365": "Last year"}
MEDIA_TYPES = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
NAMES = ("stack", "actor", "action", "object_type", "object_id", "project")


@pages.get("/audit")
def show_trail() -> str:
    """Show events, newest first."""
    return _page(None)


@pages.post("/audit/verify")
def verify_chain() -> str:
    """Check the whole chain and its anchors, and say what came out."""
    return _page(verify_for(current_context(), current_principal()))


@pages.get("/audit/export.<extension>")
def export_trail(extension: str) -> Response:
    """Send all events that match, oldest first; audited itself."""
    if extension not in FORMATS:
        raise NotFoundError("The trail is exported as ndjson or csv.")
    events = trail.export_events(current_context(), current_principal(), _wanted(_filters()))
    headers = {"Content-Disposition": f'attachment; filename="audit.{extension}"'}
    content_type = f"{MEDIA_TYPES[extension]}; charset=utf-8"
    return Response(in_batches(FORMATS[extension](events)), 200, headers, content_type=content_type)


def _page(verification: Verification | None) -> str:
    filters = _filters()
    page = read_trail(current_context(), current_principal(), _wanted(filters), wanted_page())
    return render_template(
        "audit/trail.html",
        page=page,
        filters=filters,
        periods=PERIODS.items(),
        verification=verification,
        chips=chips_for("console.show_trail", filters),
        next_page=next_address("console.show_trail", page.next_cursor, filters),
    )


def _filters() -> dict[str, str | None]:
    found = {name: (wanted_text(name) or "")[:MAX_FILTER] or None for name in NAMES}
    return {**found, "days": wanted_choice("days", list(PERIODS))}


def _wanted(filters: dict[str, str | None]) -> TrailFilter:
    days = filters["days"]
    since = utc_now() - timedelta(days=int(days)) if days else None
    return TrailFilter(
        actor=filters["actor"],
        action=filters["action"],
        object_type=filters["object_type"],
        object_id=filters["object_id"],
        stack=filters["stack"],
        project=filters["project"],
        since=since,
    )
