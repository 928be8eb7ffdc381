"""What a request handler needs to know: the services' context and who is asking."""

from __future__ import annotations

from flask import current_app, g

from app.services.access import Principal
from app.services.context import Context

EXTENSION = "landform"


def current_context() -> Context:
    """Return the context of the running application."""
    ctx: Context = current_app.extensions[EXTENSION]
    return ctx


def current_principal() -> Principal:
    """Return the authenticated caller of the present request."""
    principal: Principal = g.principal
    return principal
