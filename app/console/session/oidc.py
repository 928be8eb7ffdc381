"""Sign in with an identity provider: go there, and come back.

The secrets of a sign-in under way lie sealed in a cookie of the browser that began it, so nobody
else's answer is taken for it; the cookie goes with the first answer.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from flask import make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.session.cookie import present_visitor, set_session_cookie
from app.console.session.interruption import Interruption, read_interruption, seal, unseal
from app.console.shell.guard import HOME, local_path
from app.console.shell.pages import pages
from app.errors import AuthenticationError, LandformError, NotFoundError
from app.identity.provider import Flow, IdentityProvider
from app.services.identity.oidc import begin_sign_in, finish_confirmation, finish_sign_in
from app.web.authentication import authenticate
from app.web.context import current_context, current_principal
from app.web.cookies import drop_cookie, read_cookie, set_cookie
from app.web.extensions import limiter

COOKIE = "landform_oidc"
PATH = "/sign-in/oidc"
SEALED_FOR = "oidc sign-in"
LIFETIME_SECONDS = 600
MAX_CODE = 4096


@limiter.limit(lambda: current_context().settings.login_rate)
def go_to_provider() -> Response:
    """Send the browser to the provider, with a cookie that knows what must come back."""
    return _go({"next": local_path(request.args.get("next"))}, is_fresh=False)


@pages.get("/settings/confirm/provider")
def confirm_at_provider() -> Response:
    """Send somebody who has no password here to the provider, to sign in there once more."""
    begun = read_interruption() or Interruption(HOME, following=HOME)
    return _go(
        {
            "next": local_path(begun.following),
            "confirms": current_principal().session_id,
            "target": local_path(begun.target),
            "held": begun.held,
        },
        is_fresh=True,
    )


def _go(kept: dict[str, Any], *, is_fresh: bool) -> Response:
    ctx = current_context()
    flow, url = begin_sign_in(ctx, is_fresh=is_fresh)
    kept |= {"flow": flow.to_dict(), "until": utc_now().timestamp() + LIFETIME_SECONDS}
    response = make_response(redirect(url, 303))
    set_cookie(
        response,
        ctx.settings,
        COOKIE,
        seal(kept, SEALED_FOR),
        max_age=LIFETIME_SECONDS,
        samesite="Lax",  # the provider's answer is a navigation from another site
    )
    return response


def finish(show_refusal: Callable[[LandformError], Response]) -> Response:
    """Take the answer of the provider, once, and open a session.

    Args:
        show_refusal: shows the sign-in form with an error.

    Raises:
        NotFoundError: no identity provider is configured.
    """
    provider = current_context().provider
    if provider is None:
        raise NotFoundError("No identity provider is configured.")
    try:
        response = _finish(provider)
    except LandformError as error:
        response = show_refusal(error)
    drop_cookie(response, current_context().settings, COOKIE)
    return response


def _finish(provider: IdentityProvider) -> Response:
    kept = _open_cookie()
    flow = Flow(**kept["flow"])
    code = _code_of_answer(flow, provider)
    if "confirms" in kept:
        return _finish_confirmation(kept, flow, code)
    opened = finish_sign_in(current_context(), flow, code, present_visitor())
    response = make_response(redirect(local_path(kept["next"]), 303))
    set_session_cookie(response, opened)
    return response


def _finish_confirmation(kept: dict[str, Any], flow: Flow, code: str) -> Response:
    """Mark the session as confirmed, and go on with what was begun in it."""
    principal = authenticate("cookies")
    if principal.session_id != kept["confirms"]:
        raise _refused("The confirmation was started in another session.")
    began_at = kept["until"] - LIFETIME_SECONDS
    finish_confirmation(current_context(), principal, flow, code, began_at)
    if not kept["held"]:
        return make_response(redirect(local_path(kept["next"]), 303))
    begun = Interruption(local_path(kept["target"]), kept["held"], kept["next"])
    return make_response(render_template("session/oidc_confirmed.html", begun=begun))


def _open_cookie() -> dict[str, Any]:
    kept = unseal(read_cookie(current_context().settings, COOKIE), SEALED_FOR)
    if kept is None:
        raise _refused("This sign-in was not started in this browser.")
    if kept["until"] < utc_now().timestamp():
        raise _refused("The sign-in timed out.")
    return kept


def _code_of_answer(flow: Flow, provider: IdentityProvider) -> str:
    state = request.args.get("state", "")
    if not secrets.compare_digest(state.encode(), flow.state.encode()):
        raise _refused("The response belongs to another sign-in.")
    if not provider.is_issuer_of_answer(request.args.get("iss")):
        raise _refused("The response is from another identity provider.")
    code = request.args.get("code", "")
    if "error" in request.args or not code or len(code) > MAX_CODE:
        raise _refused("The identity provider denied the sign-in.")
    return code


def _refused(detail: str) -> AuthenticationError:
    return AuthenticationError(detail, advice="Sign in again.")
