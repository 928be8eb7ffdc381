"""The settings of a stack: parameters with a preview, approval, checks, the blueprint version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.operations.detail import ask_and_follow, go_to_operation
from app.console.shell.forms.entry import AT_FORM, FormEntry, sent
from app.console.shell.forms.fields import leaves
from app.console.shell.list_requests import wanted_number
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.console.stacks.parameters_form import changed_parameters
from app.console.stacks.read_settings import StackSettingsPage, read_stack_settings
from app.console.stacks.settings_form import change_of
from app.domain.operations import OperationType
from app.domain.permissions import Right
from app.errors import LandformError, ValidationError
from app.models import Operation, Stack
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.upgrade import apply_preview, request_upgrade
from app.services.work import Work
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

PREVIEW = "preview"
MAX_VERSION = 40
Change = Callable[[Work], tuple[Stack, Operation | None]]


@pages.get("/stacks/<stack_id>/settings")
def show_settings(stack_id: str) -> str:
    """Show what can be changed about a stack; ``before`` fills in parameters of the past."""
    return _render(_read(stack_id, before=wanted_number("before")))


@pages.post("/stacks/<stack_id>/settings")
def change_settings(stack_id: str) -> Response | tuple[str, int]:
    """Change what needs no Terraform."""
    page = _read(stack_id, Right.STACK_WRITE)
    entry = sent(page.settings.fields)
    try:
        change = change_of(entry, page.expires_at, page.labels)
        with perform() as work:
            stack, _ = change_stack(work, stack_id, change, expected_version=_seen(entry))
            notice = "saved" if stack.version != _seen(entry) else "unchanged"
    except AT_FORM as error:
        return _render(replace(page, settings=entry.after(error))), status_of(error)
    return go_with_notice(notice, "console.show_settings", stack_id=stack_id)


@pages.post("/stacks/<stack_id>/settings/parameters")
def change_parameters(stack_id: str) -> Response | tuple[str, int]:
    """Plan changed parameters, or have them applied."""
    page = _read(stack_id, Right.STACK_WRITE)
    entry = replace(sent(leaves(page.parameters.fields)), fields=page.parameters.fields)

    def act(work: Work) -> tuple[Stack, Operation | None]:
        patch = changed_parameters(page.parameters.fields, entry.typed, page.present)
        if not patch:
            raise ValidationError("No changes. Change a field first.")
        if request.form.get("intent") == PREVIEW:
            version = page.blueprint_version
            return request_upgrade(work, stack_id, OperationType.PLAN, version, patch)
        change = StackChange(parameters=patch)
        seen = _seen(entry)
        return change_stack(work, stack_id, change, expected_version=seen)

    return _perform(act, lambda error: replace(page, parameters=entry.after(error)), stack_id)


@pages.post("/stacks/<stack_id>/settings/upgrade")
def upgrade(stack_id: str) -> Response | tuple[str, int]:
    """Plan another version of the blueprint, or have it applied."""
    page = _read(stack_id, Right.STACK_WRITE)
    version = request.form.get("version", "")[:MAX_VERSION]
    is_preview = request.form.get("intent") == PREVIEW
    wanted = OperationType.PLAN if is_preview else OperationType.APPLY

    def act(work: Work) -> tuple[Stack, Operation | None]:
        return request_upgrade(work, stack_id, wanted, version, {})

    def refused(error: LandformError) -> StackSettingsPage:
        return replace(page, upgrade_problem=f"{error.detail} {error.advice}")

    return _perform(act, refused, stack_id)


@pages.post("/operations/<operation_id>/apply-preview")
def apply_previewed(operation_id: str) -> Response:
    """Make the change that a plan has shown."""
    return ask_and_follow(lambda work: apply_preview(work, operation_id))


def _perform(
    act: Change, refused: Callable[[LandformError], StackSettingsPage], stack_id: str
) -> Response | tuple[str, int]:
    try:
        with perform() as work:
            _, operation = act(work)
            shown = operation.id if operation else None
    except AT_FORM as error:
        return _render(refused(error)), status_of(error)
    if shown is None:
        return go_with_notice("saved", "console.show_settings", stack_id=stack_id)
    return go_to_operation(shown)


def _seen(entry: FormEntry) -> int:
    """Return the version that the form was made from; a form without one is out of date."""
    return entry.version if entry.version is not None else -1


def _read(stack_id: str, right: Right = Right.STACK_READ, before: int = 0) -> StackSettingsPage:
    return read_stack_settings(current_context(), current_principal(), stack_id, right, before)


def _render(page: StackSettingsPage) -> str:
    return render_template("stacks/settings.html", page=page, tab="settings")
