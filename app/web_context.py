"""What a request handler needs to know: the services' context and who is asking."""

from __future__ import annotations

from flask import Flask, current_app, g

from app.services.access import Principal
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
