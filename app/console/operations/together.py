"""Several operations on one page: how each stands, and what all their plans do together."""

from __future__ import annotations

from collections.abc import Callable

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from app.console.operations.read_together import read_together
from app.console.shell.guard import local_path
from app.console.shell.pages import pages
from app.errors import LandformError, ValidationError
from app.services.operations import control
from app.web.context import current_context, current_principal, perform

MAX_TOGETHER = 100


@pages.get("/operations/together")
def show_together() -> str:
    """Show the operations of the address, those that the caller can see."""
    page = read_together(current_context(), current_principal(), _asked(request.args.getlist))
    return render_template("operations/together.html", page=page)


@pages.post("/operations/together/approve")
def approve_together() -> Response:
    """Approve those of the plans that lose nothing, each by itself."""
    asked = _asked(request.form.getlist)
    if not asked:
        raise ValidationError.at("/operation", "Name at least one operation.")
    page = read_together(current_context(), current_principal(), asked)
    for operation_id in page.simple_ids:
        try:
            with perform() as work:
                control.approve(work, operation_id)
        except LandformError:  # it was decided meanwhile, or another person must: the page shows it
            continue
    return redirect(local_path(request.form.get("next")), 303)


def _asked(getlist: Callable[[str], list[str]]) -> list[str]:
    found = list(dict.fromkeys(getlist("operation")))
    if len(found) > MAX_TOGETHER:
        raise ValidationError.at("/operation", f"Show at most {MAX_TOGETHER} operations.")
    return found
