"""The plan of an operation on a page of its own: searched, one action, or one resource of it.

The operation's page takes parts of it when they are unfolded; without JavaScript they are links.
"""

from __future__ import annotations

from flask import render_template, request

from app.console.operations.plan_changes import PlanChoice
from app.console.operations.read_plan import read_plan_page
from app.console.shell.list_requests import wanted_number, wanted_text
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal

MAX_ADDRESS = 2000


@pages.get("/operations/<operation_id>/plan")
def show_plan(operation_id: str) -> str:
    """Show the plan, or the part of it that the address asks for."""
    chosen = PlanChoice(
        find=wanted_text("find") or "",
        action=wanted_text("action") or "",
        start=wanted_number("start"),
        address=request.args.get("address", "")[:MAX_ADDRESS],
    )
    page = read_plan_page(current_context(), current_principal(), operation_id, chosen)
    return render_template("operations/plan.html", page=page, operation=page.operation)
