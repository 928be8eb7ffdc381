"""The lock of a stack: who holds it and why, and taking it or giving it back."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.console.stacks.read_lock import read_lock_page
from app.errors import LandformError, PreconditionFailedError, StackLockedError, ValidationError
from app.services.stacks.locks import lock_stack, unlock_stack
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_REASON = 500


@pages.get("/stacks/<stack_id>/lock")
def show_lock(stack_id: str) -> str:
    """Show who keeps a stack from being changed, and who writes to it now."""
    return _page(stack_id)


@pages.post("/stacks/<stack_id>/lock")
def lock(stack_id: str) -> Response | tuple[str, int]:
    """Keep what changes the stack from starting."""
    reason = request.form.get("reason", "").strip()
    try:
        if not 0 < len(reason) <= MAX_REASON:
            message = f"Enter a reason of at most {MAX_REASON} characters."
            raise ValidationError.at("/reason", message)
        with perform() as work:
            lock_stack(work, stack_id, reason)
    except (ValidationError, StackLockedError) as error:
        return _refused(stack_id, error, reason)
    return go_with_notice("locked", "console.show_lock", stack_id=stack_id)


@pages.post("/stacks/<stack_id>/unlock")
def unlock(stack_id: str) -> Response | tuple[str, int]:
    """Let operations start again, if the lock is still the one that the page showed."""
    given = request.form.get("version", "")
    seen = int(given) if given.isascii() and given.isdigit() and len(given) < 20 else -1
    try:
        with perform() as work:
            unlock_stack(work, stack_id, seen)
    except PreconditionFailedError as error:
        return _refused(stack_id, error)
    return go_with_notice("unlocked", "console.show_lock", stack_id=stack_id)


def _refused(stack_id: str, error: LandformError, reason: str = "") -> tuple[str, int]:
    return _page(stack_id, error.detail, reason), status_of(error)


def _page(stack_id: str, failure: str | None = None, reason: str = "") -> str:
    page = read_lock_page(current_context(), current_principal(), stack_id)
    return render_template(
        "stacks/lock.html", page=page, tab="lock", failure=failure, reason=reason[:MAX_REASON]
    )
