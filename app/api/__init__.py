"""The REST API, version 1: registers every group of paths and the OpenAPI document."""

from __future__ import annotations

from flask import Flask

from app.api import (
    audit_events,
    auth,
    catalogue,
    change_control,
    cloud_accounts,
    collections,
    documentation,
    drift,
    drift_findings,
    drift_rules,
    health,
    members,
    operations,
    projects,
    sessions,
    stack_locks,
    stacks,
    state_versions,
    tokens,
    users,
    webhooks,
)
from app.api.event_feed import EventFeed
from app.api.event_stream import FEED
from app.api.openapi import CONFIG, LandformApi
from app.web_context import context_of

__all__ = ["CONFIG", "register"]


def register(app: Flask) -> LandformApi:
    """Bind the API to ``app``; typed collections come from its catalogue."""
    api = LandformApi(app)
    fixed = (
        auth,
        catalogue,
        cloud_accounts,
        users,
        sessions,
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
    )
    for module in fixed:
        api.register_blueprint(module.blueprint)
    for blueprint in collections.build_blueprints(context_of(app).catalog):
        api.register_blueprint(blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(documentation.blueprint)
    app.extensions["landform_api"] = api
    app.extensions[FEED] = EventFeed(context_of(app))
    return api
