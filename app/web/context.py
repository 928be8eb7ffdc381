"""What a request handler needs to know: the services' context and who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from flask import Flask, current_app, g, request
from flask_jwt_extended import decode_token
from werkzeug.datastructures import Authorization

from app.domain.api_tokens import is_meant
from app.services import work
from app.services.access import Principal
from app.services.context import Context
from app.services.identity.api_tokens import caller_of
from app.services.identity.stream_rights import OpenStreams
from app.services.operations.watch import OperationWatch
from app.services.work import Work

EXTENSION = "landform"
STREAMS = "landform_open_streams"
WATCH = "landform_operation_watch"


def context_of(app: Flask) -> Context:
    """Return the context that ``app`` was built with."""
    ctx: Context = app.extensions[EXTENSION]
    return ctx


def current_context() -> Context:
    """Return the context of the running application."""
    return context_of(current_app)


def current_streams() -> OpenStreams:
    """Return what looks after the open streams of the running application."""
    streams: OpenStreams = current_app.extensions[STREAMS]
    return streams


def current_watch() -> OperationWatch:
    """Return what follows operations for the running application."""
    watch: OperationWatch = current_app.extensions[WATCH]
    return watch


def current_principal() -> Principal:
    """Return the authenticated caller of the present request."""
    principal: Principal = g.principal
    return principal


def perform() -> AbstractContextManager[Work]:
    """Open the transaction of what the present caller has done; a view's one way to change things.

    It is committed at the end of the block.
    """
    return work.perform(current_context(), current_principal())


def bearer_token() -> str | None:
    """Return what the request sends as ``Authorization: Bearer``, if it does; never trusted."""
    given = Authorization.from_header(request.headers.get("Authorization"))
    return given.token if given is not None and given.type == "bearer" else None


def bearer_claims(token: str) -> Mapping[str, Any]:
    """Return the claims of the token that the present request sends; it is verified once.

    Raises:
        JWTExtendedException, PyJWTError, ValueError: it is not one of ours, or its time is over.
    """
    if "bearer_claims" not in g:
        g.bearer_claims = decode_token(token)
    claims: Mapping[str, Any] = g.bearer_claims
    return claims


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
