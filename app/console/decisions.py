"""What a person decides about an operation: approve, discard, cancel, force, resolve."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.forms.values import ON
from app.console.read_models.operation import read_operation, read_operation_page
from app.domain.plan_options import Import
from app.errors import NotFoundError, ValidationError
from app.http_errors import status_of
from app.services import operations
from app.services.resolutions import Resolution, resolve
from app.web_context import current_context, current_principal

MAX_TEXT = 512
MAX_ORPHANS = 500


def add_pages(pages: Blueprint) -> None:
    """Add the decisions to ``pages``."""
    one = "/operations/<operation_id>"
    for path, question, decision in (
        ("cancel", confirm_cancel, cancel),
        ("force-cancel", confirm_force_cancel, force_cancel),
    ):
        pages.add_url_rule(f"{one}/{path}", view_func=question)
        pages.add_url_rule(f"{one}/{path}", view_func=decision, methods=["POST"])
    pages.add_url_rule(f"{one}/approve", view_func=approve, methods=["POST"])
    pages.add_url_rule(f"{one}/discard", view_func=discard, methods=["POST"])
    pages.add_url_rule(f"{one}/resolve/<choice>", view_func=resolve_operation, methods=["POST"])


def approve(operation_id: str) -> Response:
    """Let the plan be applied; with ``override`` also while nothing else may be."""
    overrides = request.form.get("override") == ON
    with current_context().write() as session:
        operations.approve(session, current_principal(), operation_id, overrides_windows=overrides)
    return _go_to(operation_id)


def discard(operation_id: str) -> Response:
    """Throw the plan away."""
    with current_context().write() as session:
        operations.discard(session, current_principal(), operation_id)
    return _go_to(operation_id)


def confirm_cancel(operation_id: str) -> str:
    """Say what cancelling leaves behind."""
    return _question(operation_id, "operations/cancel.html")


def cancel(operation_id: str) -> Response:
    """Ask the operation to stop."""
    with current_context().write() as session:
        operations.cancel(session, current_principal(), operation_id)
    return _go_to(operation_id)


def confirm_force_cancel(operation_id: str) -> str:
    """Say what killing Terraform may cost, and ask for the name of the stack."""
    return _question(operation_id, "operations/force_cancel.html")


def force_cancel(operation_id: str) -> Response | tuple[str, int]:
    """Have Terraform killed, if the name was typed correctly."""
    ctx, principal = current_context(), current_principal()
    typed = request.form.get("name", "")[:MAX_TEXT]
    operation = read_operation(ctx, principal, operation_id)
    if typed != operation.stack_name:
        message = f"Type {operation.stack_name} exactly as it is written here."
        return _question(operation_id, "operations/force_cancel.html", typed, message), 422
    with ctx.write() as session:
        operations.force_cancel(ctx, session, principal, operation_id)
    return _go_to(operation_id)


def resolve_operation(operation_id: str, choice: str) -> Response | tuple[str, int]:
    """Decide what becomes of an interrupted operation, and show what follows."""
    if choice not in list(Resolution):
        raise NotFoundError(f"There is no choice {choice[:20]!r}.")
    ctx, principal = current_context(), current_principal()
    resolution = Resolution(choice)
    try:
        imports = _chosen() if resolution is Resolution.ADOPT else ()
        with ctx.write() as session:
            row, following = resolve(session, principal, operation_id, resolution, imports)
            shown = (following or row).id
    except ValidationError as error:
        page = read_operation_page(ctx, principal, operation_id)
        return render_template(
            "operations/operation.html",
            page=page,
            operation=page.operation,
            failure=error,
            typed=request.form,
        ), status_of(error)
    return _go_to(shown)


def _chosen() -> tuple[Import, ...]:
    """Return the orphans that were checked, with the address and id that were typed.

    A form that names none leaves the choice to the service: all that are fully known.

    Raises:
        ValidationError: nothing is checked.
    """
    if "named" not in request.form:
        return ()
    taken = request.form.getlist("take")[:MAX_ORPHANS]
    if not taken:
        raise ValidationError.at("/imports", "Choose at least one resource to adopt.")
    return tuple(Import(_typed("address", place), _typed("id", place)) for place in taken)


def _typed(name: str, place: str) -> str:
    return request.form.get(f"{name}-{place}", "").strip()[:MAX_TEXT]


def _question(operation_id: str, template: str, typed: str = "", message: str | None = None) -> str:
    operation = read_operation(current_context(), current_principal(), operation_id)
    return render_template(template, operation=operation, typed=typed, message=message)


def _go_to(operation_id: str) -> Response:
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)
