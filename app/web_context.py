"""What a request handler needs to know: the services' context and who is asking."""

from __future__ import annotations

from dataclasses import replace

from flask import Flask, current_app, g, request
from werkzeug.datastructures import Authorization

from app.domain.api_tokens import is_meant
from app.services.access import Principal
from app.services.api_tokens import caller_of
from app.services.context import Context

EXTENSION = "landform"


def context_of(app: Flask) -> Context:
    """Return the context that ``app`` was built with."""
    ctx: Context = app.extensions[EXTENSION]
    return ctx


def current_context() -> Context:
    """Return the context of the running application."""
    return context_of(current_app)


def current_principal() -> Principal:
    """Return the authenticated caller of the present request."""
    principal: Principal = g.principal
    return principal


def bearer_token() -> str | None:
    """Return what the request sends as ``Authorization: Bearer``, if it does; never trusted."""
    given = Authorization.from_header(request.headers.get("Authorization"))
    return given.token if given is not None and given.type == "bearer" else None


def api_token_caller() -> Principal | None:
    """Return who calls with an API token, or nothing when the request has none.

    Raises:
        AuthenticationError: the API token is not good.
    """
    secret = bearer_token()
    if secret is None or not is_meant(secret):
        return None
    if "api_token_caller" not in g:
        found = caller_of(current_context(), secret, g.get("request_id"))
        g.api_token_caller = replace(found, address=request.remote_addr)
    caller: Principal = g.api_token_caller
    return caller
