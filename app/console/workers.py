"""The workers: who is there, what waits for them, and what one may safely do about it."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.console.notices import go_with_notice
from app.console.read_models.workers import read_workers_page
from app.services.workforce import forget_failed_jobs, ring_again
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    pages.add_url_rule("/workers", view_func=show_workers)
    pages.add_url_rule("/workers/ring", view_func=ring_workers, methods=["POST"])
    pages.add_url_rule("/workers/failed/forget", view_func=forget_failures, methods=["POST"])


def show_workers() -> str:
    """Show workers, queues, leases, the clock and failed jobs."""
    page = read_workers_page(current_context(), current_principal())
    return render_template("workers/workers.html", page=page)


def ring_workers() -> Response:
    """Ring what may start and waits in no queue."""
    count = ring_again(current_context(), current_principal())
    return go_with_notice("rung" if count else "nothing-to-ring", "console.show_workers")


def forget_failures() -> Response:
    """Delete the records of failed jobs."""
    forget_failed_jobs(current_context(), current_principal())
    return go_with_notice("failures-forgotten", "console.show_workers")
