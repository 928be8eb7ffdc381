"""The operations console: server-rendered pages on the same services as the API.

A folder for each noun has its views, and beside each what its page shows (``read_*.py``);
the templates lie in the folder of the same name. ``shell`` has what all pages share.
Views are thin: parse, one service call, render.
"""

from __future__ import annotations

from flask import Flask

from app.console import (
    access,
    audit,
    catalog,
    cloud_accounts,
    design,
    drift,
    handbook,
    inbox,
    operations,
    orphans,
    overview,
    policies,
    projects,
    search,
    stacks,
    webhooks,
    workers,
)
from app.console.session import confirm, cookie, oidc, sign_in
from app.console.shell import appearance, assets, guard, inbox_count, notices, presentation
from app.console.shell.pages import pages

# What every request passes, in this order.
pages.before_request(stacks.state.allow_large_upload)  # before any form is read
guard.protect(pages, sign_in.ask_after_form)
cookie.renew_on(pages)
notices.provide(pages)
inbox_count.provide(pages)
confirm.ask_when_needed(pages)


def register(app: Flask) -> None:
    """Bind the console's pages to ``app``."""
    assets.register(app)
    presentation.register(app)
    app.register_blueprint(sign_in.pages)
    app.register_blueprint(pages)
    guard.recognise_visitors(app)
