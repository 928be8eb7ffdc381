"""Ask for a new stack: choose a kind, fill in its form, see the same as a curl command."""

from __future__ import annotations

from dataclasses import replace

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.catalog.read import read_catalog
from app.console.operations.detail import ask_and_follow
from app.console.shell.appearance import YEAR_SECONDS
from app.console.shell.pages import pages
from app.console.stacks.read_new import NewStackPage, read_new_stack
from app.errors import ConflictError, ValidationError
from app.services.stacks.create import create_stack
from app.web.context import current_context, current_principal
from app.web.cookies import read_cookie, set_cookie

CREATE, PLAN_FIRST = "create", "plan"
PROJECT_COOKIE = "landform_project"
"""The project of the last stack that was created in this browser: the next form begins with it."""

MAX_PRESET = 500


@pages.get("/stacks/new")
def choose_kind() -> str:
    """Show the kinds as cards."""
    page = read_catalog(current_context(), current_principal())
    return render_template("stacks/new_kind.html", page=page)


@pages.get("/stacks/new/<kind>")
def show_form(kind: str) -> str:
    """Show the form with its defaults; the address may fill in fields by their pointers."""
    ctx = current_context()
    remembered = {"/project": read_cookie(ctx.settings, PROJECT_COOKIE)}
    preset = {name: text[:MAX_PRESET] for name, text in request.args.items()}
    page = read_new_stack(ctx, current_principal(), kind, None, _api_root(), remembered | preset)
    return _render(page)


@pages.post("/stacks/new/<kind>")
def send_form(kind: str) -> Response | tuple[str, int] | str:
    """Create the stack; or, when only looked at, show the form again with new choices."""
    ctx, principal = current_context(), current_principal()
    page = read_new_stack(ctx, principal, kind, request.form.to_dict(), _api_root())
    intent = request.form.get("intent")
    if intent not in (CREATE, PLAN_FIRST):
        return _render(page)
    try:
        wanted = replace(page.request.to_service(), is_plan_first=intent == PLAN_FIRST)
        response = ask_and_follow(lambda work: create_stack(work, wanted))
    except (ValidationError, ConflictError) as error:
        return _render(replace(page, entry=page.entry.after(error))), 422
    set_cookie(
        response,
        ctx.settings,
        PROJECT_COOKIE,
        wanted.project,
        max_age=YEAR_SECONDS,
        samesite="Lax",
    )
    return response


def _render(page: NewStackPage) -> str:
    return render_template("stacks/new.html", page=page)


def _api_root() -> str:
    return request.host_url.rstrip("/") + "/api/v1"
