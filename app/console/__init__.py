"""The operations console: server-rendered pages on the same services as the API.

Owns which pages exist. Views are thin: parse, one service call, render; what a page shows comes
from one read model in ``app.console.read_models``.
"""

from __future__ import annotations

from flask import Blueprint, Flask

from app.console import (
    appearance,
    assets,
    audit,
    catalogue,
    cloud_accounts,
    decisions,
    design,
    drift,
    drift_actions,
    guard,
    handbook,
    new_stack,
    notices,
    operation_stream,
    operations,
    overview,
    plans,
    presentation,
    session,
    session_cookie,
    settings,
    stack_actions,
    stack_lock,
    stack_settings,
    stack_state,
    stacks,
    tour,
    workers,
)


def register(app: Flask) -> None:
    """Bind the console's pages to ``app``."""
    assets.register(app)
    presentation.register(app)
    operation_stream.provide_live_operations(app)
    app.register_blueprint(session.pages)
    pages = Blueprint("console", __name__)
    pages.before_request(stack_state.allow_large_upload)  # before any form is read
    guard.protect(pages)
    session_cookie.renew_on(pages)
    notices.provide(pages)
    for module in (
        overview,
        stacks,
        new_stack,
        stack_actions,
        stack_state,
        stack_settings,
        stack_lock,
        operations,
        plans,
        decisions,
        operation_stream,
        drift,
        drift_actions,
        catalogue,
        appearance,
        settings,
        cloud_accounts,
        audit,
        workers,
        handbook,
        tour,
        design,
    ):
        module.add_pages(pages)
    app.register_blueprint(pages)
    guard.recognise_visitors(app)
