"""The REST API, version 1: registers every group of paths and the OpenAPI document."""

from __future__ import annotations

from flask import Flask

from app.api.openapi import documentation
from app.api.openapi.landform_api import CONFIG, LandformApi
from app.api.resources import audit_events, catalog, hosts, state_versions, tokens, users
from app.api.resources.auth import second_factor, sessions, sign_in
from app.api.resources.cloud_accounts import routes as cloud_accounts
from app.api.resources.costs import routes as costs
from app.api.resources.drift import findings as drift_findings
from app.api.resources.drift import fleet as drift
from app.api.resources.drift import rules as drift_rules
from app.api.resources.health import routes as health
from app.api.resources.operations import routes as operations
from app.api.resources.policies import overrides as policy_overrides
from app.api.resources.policies import routes as policies
from app.api.resources.projects import change_control, members
from app.api.resources.projects import routes as projects
from app.api.resources.stacks import collections
from app.api.resources.stacks import locks as stack_locks
from app.api.resources.stacks import routes as stacks
from app.api.resources.webhooks import routes as webhooks
from app.api.resources.webhooks.messages import MESSAGES
from app.web.context import context_of

__all__ = ["CONFIG", "register"]


def register(app: Flask) -> None:
    """Bind the API to ``app``; typed collections come from its catalog."""
    api = LandformApi(app)
    fixed = (
        sign_in,
        catalog,
        cloud_accounts,
        users,
        sessions,
        second_factor,
        tokens,
        projects,
        change_control,
        members,
        stacks,
        stack_locks,
        state_versions,
        operations,
        drift,
        drift_findings,
        drift_rules,
        audit_events,
        webhooks,
        hosts,
        policies,
        policy_overrides,
        costs,
    )
    for module in fixed:
        api.register_blueprint(module.blueprint)
    for blueprint in collections.build_blueprints(context_of(app).catalog):
        api.register_blueprint(blueprint)
    api.tell_webhooks(MESSAGES)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(documentation.blueprint)
    app.extensions["landform_api"] = api
