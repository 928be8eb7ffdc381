"""Ask for the password once more, on a page of its own, and go on with what was begun.

If a submitted form raised the question, that page keeps it encrypted: nothing is typed twice, and
no secret is readable there. It opens for the same session and the same URL path only.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.session.interruption import (
    CODE,
    HELD,
    PASSWORD,
    Interruption,
    hold_form,
    keep_interruption,
    open_form,
)
from app.console.shell.guard import READING, csrf_token, local_path, page_before
from app.console.shell.pages import pages
from app.domain.sign_in_errors import ConfirmationRequiredError
from app.errors import ConflictError, LandformError, TooManyRequestsError, ValidationError
from app.models import User
from app.services.access import require_session
from app.services.identity.confirmation import confirm_session
from app.services.identity.second_factors import has_second_factor
from app.web.context import current_context, current_principal
from app.web.extensions import limiter
from app.web.http_errors import status_of

PATH = "/settings/confirm"
REFUSALS = (ValidationError, ConflictError, TooManyRequestsError)


def ask_when_needed(console: Blueprint) -> None:
    """Ask for the password wherever a page of ``console`` needs a confirmed session."""
    console.before_request(_take_held_form)
    console.register_error_handler(ConfirmationRequiredError, _ask_first)


@pages.get("/settings/confirm")
def show_confirmation() -> Response:
    """Ask for the password; afterwards go to the page that was wanted."""
    return _ask(Interruption(PATH, following=local_path(request.args.get("next"))))


@pages.post("/settings/confirm")
@limiter.limit(lambda: current_context().settings.login_rate)
def confirm() -> Response:
    """Confirm, and go to the page that was wanted."""
    following = local_path(request.form.get("next"))
    try:
        _confirm()
    except REFUSALS as error:
        return _ask(Interruption(PATH, following=following), error)
    return redirect(following, 303)


def _ask_first(error: ConfirmationRequiredError) -> Response:
    """Show the page instead of what was asked for."""
    if request.headers.get("HX-Request"):
        target = url_for("console.show_confirmation", next=page_before())
        return Response(status=403, headers={"HX-Redirect": target})
    if request.method in READING:
        begun = Interruption(PATH, following=request.full_path.rstrip("?"))
    else:
        begun = Interruption(request.full_path.rstrip("?"), hold_form(), page_before())
    return _ask(begun, error, is_first=True)


def _take_held_form() -> Response | None:
    """Check the password that came with a held form, and go on as if the form had been sent."""
    if request.method in READING or HELD not in request.form or request.path == PATH:
        return None
    form = open_form(request.form[HELD])
    if PASSWORD in request.form:
        try:
            _confirm()
        except REFUSALS as error:
            return _ask(Interruption(request.path, request.form[HELD], page_before()), error)
    request.form = form
    return None


def _confirm() -> None:
    until = confirm_session(
        current_context(),
        current_principal(),
        request.form.get(PASSWORD, ""),
        request.form.get(CODE, "") or None,
    )
    g.principal = replace(current_principal(), confirmed_until=until)


def _ask(
    begun: Interruption, error: LandformError | None = None, *, is_first: bool = False
) -> Response:
    ctx, principal = current_context(), current_principal()
    require_session(principal)
    with ctx.read() as session:
        has_password = bool(session.get_one(User, principal.id).password_hash)
        needs_code = has_second_factor(session, principal.id)
    page = render_template(
        "session/confirm.html",
        begun=begun,
        lead=error.detail if error is not None and is_first else None,
        message=f"{error.detail} {error.advice}" if error is not None and not is_first else None,
        problems={item.pointer: item.message for item in error.problems} if error else {},
        has_password=has_password,
        needs_code=needs_code,
        provider_title=ctx.settings.oidc_title,
        csrf_token=csrf_token(),
    )
    response = make_response(page, status_of(error) if error is not None else 200)
    if not has_password:
        keep_interruption(response, begun)
    return response
