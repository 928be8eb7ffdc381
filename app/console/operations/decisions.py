"""What a person decides about an operation: approve, discard, cancel, force, resolve."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.operations.detail import go_to_operation
from app.console.operations.read_detail import read_operation_page
from app.console.shell.forms.values import ON
from app.console.shell.guard import local_path
from app.console.shell.notices import go_back_with_notice
from app.console.shell.pages import pages
from app.domain.interruptions import OrphansUnresolvedError, Resolution
from app.domain.plan_options import Import
from app.errors import CloudSearchError, NotFoundError, ValidationError
from app.services.operations import control
from app.services.operations.resolve import Decision, examine_imports, resolve
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_TEXT = 512
MAX_ORPHANS = 500
MAX_REASON = 500


@pages.post("/operations/<operation_id>/approve")
def approve(operation_id: str) -> Response:
    """Let the plan be applied; with ``override`` also while nothing else may be."""
    overrides = request.form.get("override") == ON
    with perform() as work:
        control.approve(work, operation_id, overrides_windows=overrides)
    return _go_on("approved", operation_id)


@pages.post("/operations/<operation_id>/discard")
def discard(operation_id: str) -> Response:
    """Throw the plan away."""
    with perform() as work:
        control.discard(work, operation_id)
    return _go_on("discarded", operation_id)


def _go_on(notice: str, operation_id: str) -> Response:
    """Return to the list in which it was decided, or to the operation."""
    following = request.form.get("next")
    if following:
        return go_back_with_notice(notice, local_path(following))
    return go_to_operation(operation_id)


@pages.post("/operations/<operation_id>/resolve/<choice>")
def resolve_operation(operation_id: str, choice: str) -> Response | tuple[str, int]:
    """Decide what becomes of an interrupted operation, and show what follows."""
    if choice not in list(Resolution):
        raise NotFoundError(f"There is no choice {choice[:20]!r}.")
    ctx, principal = current_context(), current_principal()
    action = Resolution(choice)
    try:
        decision = Decision(
            action,
            _chosen() if action is Resolution.ADOPT else (),
            is_forced="force" in request.form,
            reason=request.form.get("reason", "").strip()[:MAX_REASON] or None,
        )
        examine_imports(ctx, principal, operation_id, decision)
        with perform() as work:
            row, following = resolve(work, operation_id, decision)
            shown = (following or row).id
    except (ValidationError, CloudSearchError, OrphansUnresolvedError) as error:
        page = read_operation_page(ctx, principal, operation_id)
        return render_template(
            "operations/detail.html",
            page=page,
            operation=page.operation,
            failure=error,
            typed=request.form,
        ), status_of(error)
    return go_to_operation(shown)


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
