"""Sign in with an identity provider: go there, and come back.

The secrets of a sign-in under way lie sealed in a cookie of the browser that began it, so nobody
else's answer is taken for it; the cookie goes with the first answer.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import Any

from flask import Blueprint, Response, g, make_response, redirect, request

from app.clock import utc_now
from app.console.guard import local_path
from app.console.session_cookie import set_session_cookie
from app.errors import AuthenticationError, DecryptionError, LandformError, NotFoundError
from app.extensions import limiter
from app.identity.provider import CALLBACK, Flow
from app.services.identities import begin_sign_in, finish_sign_in
from app.services.sign_in import Visitor
from app.web_context import current_context

COOKIE = "landform_oidc"
PATH = "/sign-in/oidc"
SEALED_FOR = "oidc sign-in"
LIFETIME_SECONDS = 600
MAX_CODE = 4096


def add_pages(pages: Blueprint, show_form: Any) -> None:
    """Add the pages to ``pages``.

    Args:
        pages: the pages that need no session.
        show_form: shows the sign-in form with an error.
    """

    def come_back() -> Response:
        """Take the answer of the provider, once, and open a session."""
        if current_context().provider is None:
            raise NotFoundError("There is no identity provider here.")
        try:
            response = _finish()
        except LandformError as error:
            response = show_form(error)
        response.delete_cookie(COOKIE, path=PATH)
        return response

    limit = limiter.limit(lambda: current_context().settings.login_rate)
    pages.add_url_rule(PATH, view_func=limit(go_to_provider))
    pages.add_url_rule(CALLBACK, view_func=limit(come_back))


def go_to_provider() -> Response:
    """Send the browser to the provider, with a cookie that knows what must come back."""
    ctx = current_context()
    flow, url = begin_sign_in(ctx)
    kept = {
        "flow": flow.to_dict(),
        "next": local_path(request.args.get("next")),
        "until": utc_now().timestamp() + LIFETIME_SECONDS,
    }
    sealed = ctx.keys.encrypt(json.dumps(kept).encode(), SEALED_FOR)
    response = make_response(redirect(url, 303))
    response.set_cookie(
        COOKIE,
        base64.urlsafe_b64encode(sealed).decode(),
        max_age=LIFETIME_SECONDS,
        path=PATH,
        httponly=True,
        samesite="Lax",  # the provider's answer is a navigation from another site
        secure=ctx.settings.public_url.startswith("https:"),
    )
    return response


def _finish() -> Response:
    ctx = current_context()
    kept = _open_cookie()
    flow = Flow(**kept["flow"])
    code = _code_of_answer(flow, ctx.settings.oidc_issuer)
    visitor = Visitor(request.remote_addr, request.user_agent.string, g.get("request_id"))
    opened = finish_sign_in(ctx, flow, code, visitor)
    response = make_response(redirect(local_path(kept["next"]), 303))
    set_session_cookie(response, opened)
    return response


def _open_cookie() -> dict[str, Any]:
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        kept: dict[str, Any] = json.loads(current_context().keys.decrypt(sealed, SEALED_FOR))
    except (binascii.Error, ValueError, DecryptionError) as error:
        raise _stranger("This browser has begun no such sign-in.") from error
    if kept["until"] < utc_now().timestamp():
        raise _stranger("The sign-in took too long.")
    return kept


def _code_of_answer(flow: Flow, issuer: str) -> str:
    state = request.args.get("state", "")
    if not secrets.compare_digest(state.encode(), flow.state.encode()):
        raise _stranger("The answer belongs to another sign-in.")
    if request.args.get("iss", issuer) != issuer:  # RFC 9207
        raise _stranger("The answer is of another identity provider.")
    code = request.args.get("code", "")
    if "error" in request.args or not code or len(code) > MAX_CODE:
        raise _stranger("The identity provider did not let you in.")
    return code


def _stranger(detail: str) -> AuthenticationError:
    return AuthenticationError(detail, advice="Begin again.")
