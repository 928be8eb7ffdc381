"""Ask for a new stack: choose a kind, fill in its form, see the same as a curl command."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.read_models.catalogue import read_catalogue
from app.console.read_models.new_stack import NewStackPage, read_new_stack
from app.errors import ConflictError, ValidationError
from app.services.stacks import create_stack
from app.web_context import current_context, current_principal

CREATE, PLAN_FIRST = "create", "plan"


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    pages.add_url_rule("/stacks/new", view_func=choose_kind)
    pages.add_url_rule("/stacks/new/<kind>", view_func=show_form)
    pages.add_url_rule("/stacks/new/<kind>", view_func=send_form, methods=["POST"])


def choose_kind() -> str:
    """Show the kinds as cards."""
    page = read_catalogue(current_context(), current_principal())
    return render_template("stacks/new_kind.html", page=page)


def show_form(kind: str) -> str:
    """Show the form with its defaults."""
    page = read_new_stack(current_context(), current_principal(), kind, None, _api_root())
    return _render(page)


def send_form(kind: str) -> Response | tuple[str, int] | str:
    """Create the stack; or, when only looked at, show the form again with new choices."""
    ctx, principal = current_context(), current_principal()
    page = read_new_stack(ctx, principal, kind, request.form.to_dict(), _api_root())
    intent = request.form.get("intent")
    if intent not in (CREATE, PLAN_FIRST):
        return _render(page)
    try:
        wanted = replace(page.to_request(), is_plan_first=intent == PLAN_FIRST)
        with ctx.write() as session:
            _, operation = create_stack(ctx, session, principal, wanted)
            operation_id = operation.id
    except (ValidationError, ConflictError) as error:
        return _render(page.with_problems(error)), 422
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)


def _render(page: NewStackPage) -> str:
    return render_template("stacks/new.html", page=page)


def _api_root() -> str:
    return request.host_url.rstrip("/") + "/api/v1"
