"""The lock of a stack: who holds it and why, and taking it or giving it back."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.read_models.stack_state import read_lock_page
from app.errors import LandformError, PreconditionFailedError, StackLockedError, ValidationError
from app.http_errors import status_of
from app.services.stack_locks import lock_stack, unlock_stack
from app.web_context import current_context, current_principal

MAX_REASON = 500


def add_pages(pages: Blueprint) -> None:
    """Add the page and what it can do to ``pages``."""
    pages.add_url_rule("/stacks/<stack_id>/lock", view_func=show_lock)
    pages.add_url_rule("/stacks/<stack_id>/lock", view_func=lock, methods=["POST"])
    pages.add_url_rule("/stacks/<stack_id>/unlock", view_func=unlock, methods=["POST"])


def show_lock(stack_id: str) -> str:
    """Show who keeps a stack from being changed, and who writes to it now."""
    return _page(stack_id)


def lock(stack_id: str) -> Response | tuple[str, int]:
    """Keep what changes the stack from starting."""
    reason = request.form.get("reason", "").strip()
    try:
        if not 0 < len(reason) <= MAX_REASON:
            message = f"Say why, in at most {MAX_REASON} characters."
            raise ValidationError.at("/reason", message)
        with current_context().write() as session:
            lock_stack(session, current_principal(), stack_id, reason)
    except (ValidationError, StackLockedError) as error:
        return _refused(stack_id, error, reason)
    return _go_back(stack_id)


def unlock(stack_id: str) -> Response | tuple[str, int]:
    """Let operations start again, if the lock is still the one that the page showed."""
    given = request.form.get("version", "")
    seen = int(given) if given.isascii() and given.isdigit() and len(given) < 20 else -1
    try:
        with current_context().write() as session:
            unlock_stack(session, current_principal(), stack_id, seen)
    except PreconditionFailedError as error:
        return _refused(stack_id, error)
    return _go_back(stack_id)


def _refused(stack_id: str, error: LandformError, reason: str = "") -> tuple[str, int]:
    return _page(stack_id, error.detail, reason), status_of(error)


def _page(stack_id: str, failure: str | None = None, reason: str = "") -> str:
    page = read_lock_page(current_context(), current_principal(), stack_id)
    return render_template(
        "stacks/lock.html", page=page, tab="lock", failure=failure, reason=reason[:MAX_REASON]
    )


def _go_back(stack_id: str) -> Response:
    return redirect(url_for("console.show_lock", stack_id=stack_id), 303)
