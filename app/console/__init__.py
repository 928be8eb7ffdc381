"""The operations console: server-rendered pages on the same services as the API.

Owns which pages exist. Views are thin: parse, one service call, render; what a page shows comes
from one read model in ``app.console.read_models``.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from app.console import (
    appearance,
    catalogue,
    drift,
    guard,
    new_stack,
    operation_stream,
    operations,
    overview,
    presentation,
    session,
    stack_actions,
    stacks,
)


def register(app: Flask) -> None:
    """Bind the console's pages to ``app``."""
    presentation.register(app)
    app.register_blueprint(session.pages)
    pages = Blueprint("console", __name__)
    guard.protect(pages)
    for module in (
        overview,
        stacks,
        new_stack,
        stack_actions,
        operations,
        operation_stream,
        drift,
        catalogue,
        appearance,
    ):
        module.add_pages(pages)
    app.register_blueprint(pages)
    guard.recognise_visitors(app)
