"""The list of what is in the cloud and in no state."""

from __future__ import annotations

from flask import render_template

from app.console.shell.pages import pages
from app.services.operations.orphans import MAX_ORPHANS, list_orphans
from app.web.context import current_context, current_principal


@pages.get("/orphans")
def show_orphans() -> str:
    """List orphaned resources, the oldest first, with the way to decide about each."""
    with current_context().read() as session:
        rows = list_orphans(session, current_principal())
    return render_template("orphans/index.html", rows=rows, most=MAX_ORPHANS)
