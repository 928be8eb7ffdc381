"""The timeline of a stack: what happened in one list, and parameters of then beside the present."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import render_template, request

from app.clock import utc_now
from app.console.shell.list_requests import wanted_number
from app.console.shell.pages import pages
from app.console.stacks.read_timeline import read_stack_timeline
from app.errors import ValidationError
from app.web.context import current_context, current_principal

MAX_MOMENT = 40


@pages.get("/stacks/<stack_id>/timeline")
def show_timeline(stack_id: str) -> str:
    """Show what happened, newest first, and compare parameters where two moments are asked for."""
    compared = wanted_number("from"), wanted_number("to")
    page = read_stack_timeline(
        current_context(), current_principal(), stack_id, _before(), compared
    )
    return render_template("stacks/timeline.html", page=page, tab="timeline", compared=compared)


def _before() -> datetime:
    text = request.args.get("before", "")[:MAX_MOMENT]
    if not text:
        return utc_now() + timedelta(seconds=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValidationError.at("?before", "Give a time such as 2027-01-31T18:00:00Z.") from error
    if moment.tzinfo is None:
        raise ValidationError.at("?before", "Give the time with its zone, such as Z.")
    return moment
