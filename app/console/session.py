"""Sign in and out: the session cookie, and the form's own protection before there is one."""

from __future__ import annotations

import secrets
from contextlib import suppress

from flask import Blueprint, g, make_response, redirect, render_template, request
from flask_jwt_extended import unset_jwt_cookies
from werkzeug.wrappers import Response

from app.authentication import authenticate
from app.console import oidc
from app.console.guard import HOME, local_path
from app.console.session_cookie import set_session_cookie
from app.errors import AuthenticationError, CsrfError, LandformError, TooManyRequestsError
from app.extensions import limiter
from app.http_errors import status_of
from app.services.sessions import sign_out
from app.services.sign_in import Visitor, sign_in
from app.web_context import current_context

SIGN_IN_COOKIE = "landform_sign_in"
MAX_NAME, MAX_PASSWORD = 64, 1024

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
    ctx = current_context()
    target = local_path(request.form.get("next"))
    username = request.form.get("username", "")[:MAX_NAME].strip()
    visitor = Visitor(request.remote_addr, request.user_agent.string, g.get("request_id"))
    try:
        opened = sign_in(ctx, username, request.form.get("password", "")[:MAX_PASSWORD], visitor)
    except (AuthenticationError, TooManyRequestsError) as error:
        message = f"{error.detail} {error.advice}"
        return _form(target, username=username, message=message, status=status_of(error))
    response = make_response(redirect(target, 303))
    set_session_cookie(response, opened)
    response.delete_cookie(SIGN_IN_COOKIE, path="/sign-in")
    return response


@pages.post("/sign-out")
def do_sign_out() -> Response:
    """End the session; its cookie is worthless from then on, also as a copy."""
    response = make_response(redirect("/sign-in", 303))
    with suppress(AuthenticationError):  # it has ended already, which is what was asked for
        sign_out(current_context(), authenticate("cookies"))
    unset_jwt_cookies(response)
    return response


def _form(
    target: str, *, username: str = "", message: str | None = None, status: int = 200
) -> Response:
    token = secrets.token_urlsafe(24)
    page = render_template(
        "session/sign_in.html",
        target=target,
        username=username,
        message=message,
        form_token=token,
        provider_title=current_context().settings.oidc_title if current_context().provider else "",
    )
    response = make_response(page, status)
    # The form repeats what only this cookie knows, so no other site can send it (OWASP double
    # submit); SameSite=Strict keeps the cookie at home besides.
    response.set_cookie(
        SIGN_IN_COOKIE,
        token,
        max_age=3600,
        path="/sign-in",
        httponly=True,
        samesite="Strict",
        secure=request.is_secure,
    )
    return response


def _show_refusal(error: LandformError) -> Response:
    """Show the form again with what went wrong elsewhere."""
    return _form(HOME, message=f"{error.detail} {error.advice}", status=status_of(error))


def _check_form_token() -> None:
    expected = request.cookies.get(SIGN_IN_COOKIE, "")
    given = request.form.get("form_token", "")
    if not expected or not secrets.compare_digest(expected.encode(), given.encode()):
        raise CsrfError("The sign-in form was not sent by a page of this console, or is too old.")


oidc.add_pages(pages, _show_refusal)
