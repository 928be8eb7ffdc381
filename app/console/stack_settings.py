"""The settings of a stack: parameters with a preview, its care, the version of its blueprint."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from app.console.forms.entry import Entry, sent
from app.console.forms.fields import leaves
from app.console.forms.parameters import changed_parameters
from app.console.forms.stack_settings import change_of
from app.console.read_models.stack_settings import StackSettingsPage, read_stack_settings
from app.domain.operations import OperationType
from app.domain.permissions import Right
from app.errors import ConflictError, LandformError, PreconditionFailedError, ValidationError
from app.http_errors import status_of
from app.models import Operation, Stack
from app.services.blueprint_upgrades import apply_preview, request_upgrade
from app.services.stacks import StackChange, change_stack
from app.web_context import current_context, current_principal

PREVIEW = "preview"
MAX_VERSION = 40
Refusals = (ValidationError, ConflictError, PreconditionFailedError)
Work = Callable[[Session], tuple[Stack, Operation | None]]


def add_pages(pages: Blueprint) -> None:
    """Add the tab and its forms to ``pages``."""
    one = "/stacks/<stack_id>/settings"
    pages.add_url_rule(one, view_func=show_settings)
    pages.add_url_rule(one, view_func=change_settings, methods=["POST"])
    pages.add_url_rule(f"{one}/parameters", view_func=change_parameters, methods=["POST"])
    pages.add_url_rule(f"{one}/upgrade", view_func=upgrade, methods=["POST"])
    pages.add_url_rule(
        "/operations/<operation_id>/apply-preview", view_func=apply_previewed, methods=["POST"]
    )


def show_settings(stack_id: str) -> str:
    """Show what can be changed about a stack."""
    return _render(_read(stack_id))


def change_settings(stack_id: str) -> Response | tuple[str, int]:
    """Change what needs no Terraform."""
    page = _read(stack_id, Right.STACK_WRITE)
    entry = sent(page.settings.fields)
    try:
        change = change_of(entry, page.expires_at)
        with current_context().write() as session:
            change_stack(
                current_context(),
                session,
                current_principal(),
                stack_id,
                change,
                expected_version=_seen(entry),
            )
    except Refusals as error:
        return _render(page.with_settings(entry.after(error))), status_of(error)
    return redirect(url_for("console.show_settings", stack_id=stack_id), 303)


def change_parameters(stack_id: str) -> Response | tuple[str, int]:
    """Plan changed parameters, or have them applied."""
    ctx, principal = current_context(), current_principal()
    page = _read(stack_id, Right.STACK_WRITE)
    entry = replace(sent(leaves(page.parameters.fields)), fields=page.parameters.fields)

    def work(session: Session) -> tuple[Stack, Operation | None]:
        patch = changed_parameters(page.parameters.fields, entry.typed, page.present)
        if not patch:
            raise ValidationError("Nothing is otherwise than it is; change a field first.")
        if request.form.get("intent") == PREVIEW:
            version = page.blueprint_version
            return request_upgrade(
                ctx, session, principal, stack_id, OperationType.PLAN, version, patch
            )
        change = StackChange(parameters=patch)
        seen = _seen(entry)
        return change_stack(ctx, session, principal, stack_id, change, expected_version=seen)

    return _carry_out(work, lambda error: page.with_parameters(entry.after(error)), stack_id)


def upgrade(stack_id: str) -> Response | tuple[str, int]:
    """Plan another version of the blueprint, or have it applied."""
    ctx, principal = current_context(), current_principal()
    page = _read(stack_id, Right.STACK_WRITE)
    version = request.form.get("version", "")[:MAX_VERSION]
    is_preview = request.form.get("intent") == PREVIEW
    wanted = OperationType.PLAN if is_preview else OperationType.APPLY

    def work(session: Session) -> tuple[Stack, Operation | None]:
        return request_upgrade(ctx, session, principal, stack_id, wanted, version, {})

    return _carry_out(work, page.with_upgrade_problem, stack_id)


def apply_previewed(operation_id: str) -> Response:
    """Make the change that a plan has shown."""
    ctx = current_context()
    with ctx.write() as session:
        _, operation = apply_preview(ctx, session, current_principal(), operation_id)
        shown = operation.id
    return _go_to(shown)


def _carry_out(
    work: Work, refused: Callable[[LandformError], StackSettingsPage], stack_id: str
) -> Response | tuple[str, int]:
    try:
        with current_context().write() as session:
            _, operation = work(session)
            shown = operation.id if operation else None
    except Refusals as error:
        return _render(refused(error)), status_of(error)
    if shown is None:
        return redirect(url_for("console.show_settings", stack_id=stack_id), 303)
    return _go_to(shown)


def _seen(entry: Entry) -> int:
    """Return the version that the form was made from; a form without one is out of date."""
    return entry.version if entry.version is not None else -1


def _read(stack_id: str, right: Right = Right.STACK_READ) -> StackSettingsPage:
    return read_stack_settings(current_context(), current_principal(), stack_id, right)


def _render(page: StackSettingsPage) -> str:
    return render_template("stacks/settings.html", page=page, tab="settings")


def _go_to(operation_id: str) -> Response:
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)
