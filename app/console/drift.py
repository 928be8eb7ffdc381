"""Drift over all stacks: what changed outside Landform, and what is not known."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.console.list_requests import next_address, wanted_choice, wanted_page
from app.console.read_models.drift import read_drift_page
from app.domain.drift import DriftStatus
from app.services.fleet import OFF_RECORD
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the drift page to ``pages``."""
    pages.add_url_rule("/drift", view_func=show_drift)


def show_drift() -> str:
    """Show drifted and unknown stacks, or those with the verdict that is asked for."""
    verdict = wanted_choice("verdict", list(DriftStatus))
    verdicts = (DriftStatus(verdict),) if verdict else OFF_RECORD
    page = read_drift_page(current_context(), current_principal(), verdicts, wanted_page())
    following = next_address("console.show_drift", page.next_cursor, {"verdict": verdict})
    return render_template("drift/drift.html", page=page, verdict=verdict, next_page=following)
