"""Sign in and out: the session cookie, and the form's own protection before there is one."""

from __future__ import annotations

import secrets
from contextlib import suppress

from flask import Blueprint, make_response, redirect, render_template, request
from flask_jwt_extended import unset_jwt_cookies
from werkzeug.wrappers import Response

from app.console.session import oidc
from app.console.session.cookie import present_visitor, set_session_cookie
from app.console.session.expired import keep_form, kept_form, offer_form
from app.console.shell.guard import HOME, local_path, page_before
from app.domain.sign_in_errors import TotpRequiredError
from app.errors import AuthenticationError, CsrfError, LandformError, TooManyRequestsError
from app.identity.provider import CALLBACK
from app.services.identity.sessions import OpenedSession, sign_out
from app.services.identity.sign_in import answer_challenge, sign_in
from app.web.authentication import authenticate
from app.web.context import current_context
from app.web.cookies import drop_cookie, read_cookie, set_cookie
from app.web.extensions import limiter
from app.web.http_errors import status_of

SIGN_IN_COOKIE = "landform_sign_in"
MAX_NAME, MAX_PASSWORD, MAX_CODE = 64, 1024, 64

pages = Blueprint("session", __name__)


@pages.get("/sign-in")
def show_sign_in() -> Response:
    """Show the form, or go on when there is a session already."""
    target = local_path(request.args.get("next"))
    try:
        authenticate("cookies")
    except AuthenticationError:
        return _form(target)
    return redirect(target, 303)


@pages.post("/sign-in")
@limiter.limit(lambda: current_context().settings.login_rate)
def do_sign_in() -> Response:
    """Open a session and go to the page that was wanted."""
    _check_form_token()
    target = local_path(request.form.get("next"))
    username = request.form.get("username", "")[:MAX_NAME].strip()
    try:
        password = request.form.get("password", "")[:MAX_PASSWORD]
        opened = sign_in(current_context(), username, password, present_visitor())
    except TotpRequiredError as error:
        return _code_form(target, error.context["challenge"])
    except (AuthenticationError, TooManyRequestsError) as error:
        message = f"{error.detail} {error.advice}"
        return _form(target, username=username, message=message, status=status_of(error))
    return _enter(opened, target)


@pages.post("/sign-in/code")
@limiter.limit(lambda: current_context().settings.login_rate)
def give_code() -> Response:
    """Open a session for whoever has the code as well, and go to the page that was wanted."""
    _check_form_token()
    target = local_path(request.form.get("next"))
    challenge = request.form.get("challenge", "")
    try:
        code = request.form.get("totp", "")[:MAX_CODE]
        opened = answer_challenge(current_context(), challenge, code, present_visitor())
    except TotpRequiredError as error:  # the field was empty
        return _code_form(target, error.context["challenge"], error)
    except (AuthenticationError, TooManyRequestsError) as error:
        return _code_form(target, challenge, error)
    return _enter(opened, target)


@pages.post("/sign-out")
def do_sign_out() -> Response:
    """End the session; its cookie is worthless from then on, also as a copy."""
    response = make_response(redirect("/sign-in", 303))
    with suppress(AuthenticationError):  # it has ended already, which is what was asked for
        sign_out(current_context(), authenticate("cookies"))
    unset_jwt_cookies(response)
    return response


def ask_after_form() -> Response | None:
    """Ask whoever sent a form after the session had ended to sign in, and keep the form."""
    kept = keep_form()
    if not kept:
        return None
    message = "Your session has ended. Sign in again; the form that you sent is kept."
    return _form(page_before(), message=message, status=401, kept=kept)


def _enter(opened: OpenedSession, target: str) -> Response:
    response = offer_form(opened, kept_form())
    if response is None:
        response = make_response(redirect(target, 303))
        set_session_cookie(response, opened)
    drop_cookie(response, current_context().settings, SIGN_IN_COOKIE)
    return response


def _form(
    target: str,
    *,
    username: str = "",
    message: str | None = None,
    status: int = 200,
    kept: str | None = None,
) -> Response:
    token = secrets.token_urlsafe(24)
    page = render_template(
        "session/sign_in.html",
        target=target,
        username=username,
        message=message,
        form_token=token,
        kept=kept_form() if kept is None else kept,
        provider_title=current_context().settings.oidc_title if current_context().provider else "",
    )
    return _with_form_token(page, status, token)


def _code_form(target: str, challenge: str, error: LandformError | None = None) -> Response:
    """Ask for the code of somebody whose password was right."""
    token = secrets.token_urlsafe(24)
    page = render_template(
        "session/sign_in_code.html",
        target=target,
        challenge=challenge,
        message=f"{error.detail} {error.advice}" if error is not None else None,
        form_token=token,
        kept=kept_form(),
    )
    return _with_form_token(page, status_of(error) if error is not None else 200, token)


def _with_form_token(page: str, status: int, token: str) -> Response:
    response = make_response(page, status)
    # The form repeats what only this cookie knows, so no other site can send it (OWASP double
    # submit); SameSite=Strict keeps the cookie at home besides.
    settings = current_context().settings
    set_cookie(response, settings, SIGN_IN_COOKIE, token, max_age=3600, samesite="Strict")
    return response


def _show_refusal(error: LandformError) -> Response:
    """Show the form again with what went wrong elsewhere."""
    return _form(HOME, message=f"{error.detail} {error.advice}", status=status_of(error))


def _check_form_token() -> None:
    expected = read_cookie(current_context().settings, SIGN_IN_COOKIE)
    given = request.form.get("form_token", "")
    if not expected or not secrets.compare_digest(expected.encode(), given.encode()):
        raise CsrfError("The sign-in form has expired. Submit it again.")


@pages.get(CALLBACK)
@limiter.limit(lambda: current_context().settings.login_rate)
def come_back() -> Response:
    """Take the answer of the identity provider and open a session."""
    return oidc.finish(_show_refusal)


pages.add_url_rule(oidc.PATH, view_func=oidc.go_to_provider)
