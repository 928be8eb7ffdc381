"""Owns the composition of the service: settings in, Flask application out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from sandbox.service import api as views
from sandbox.service.accounts import Accounts
from sandbox.service.database import Database
from sandbox.service.errors import SandboxError
from sandbox.service.faults import FaultSettings
from sandbox.service.openapi import DESCRIPTION, describe_api
from sandbox.service.problems import ProblemApi, answer_sandbox_error
from sandbox.service.resources import Resources
from sandbox.service.schemas import ProblemSchema
from sandbox.service.settings import Settings
from sandbox.version import VERSION


class SynchronousFlask(Flask):
    """Flask without its search for coroutines, nine times a request: there are none here."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(settings: Settings) -> Flask:
    """Build the service; makes the store, the default account and its token file if missing.

    Raises:
        ValueError: the token file holds no usable token.
    """
    database = Database(settings.database_path)
    database.create_tables()
    accounts = Accounts(database)
    accounts.ensure_default(settings.token_path)

    app = SynchronousFlask("sandbox")
    app.config.update(
        API_TITLE="Landform sandbox cloud",
        API_VERSION=VERSION,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/v1",
        OPENAPI_JSON_PATH="openapi.json",
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
    )
    app.extensions[views.SERVICES] = views.Services(
        accounts, Resources(database), FaultSettings(database)
    )
    app.register_error_handler(SandboxError, answer_sandbox_error)
    app.after_request(views.add_common_headers)
    _register_views(app)
    return app


def _register_views(app: Flask) -> None:
    api = ProblemApi(app, spec_kwargs={"info": {"description": DESCRIPTION}})
    api.ERROR_SCHEMA = ProblemSchema
    describe_api(api)
    for blueprint in (views.health, views.resources, views.faults):
        api.register_blueprint(blueprint)
