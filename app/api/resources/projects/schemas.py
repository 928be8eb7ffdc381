"""Shapes of projects and their rules."""

from __future__ import annotations

from marshmallow import fields, validate

from app.api.http.fields import Flag, timestamp
from app.api.http.schemas import Request, ResponseSchema, choices
from app.api.resources.projects.change_control import WindowBody, WindowView
from app.domain.change_windows import MAX_WINDOWS
from app.domain.names import NAME_PATTERN, NAME_RULE
from app.domain.operations import AutoApply
from app.services.projects.projects import MAX_TITLE
from app.services.schedules.settings import MAX_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS


class ProjectDriftBody(Request):
    """How stacks of a project without a schedule of their own are checked for drift."""

    enabled = Flag(metadata={"description": "false pauses the checks of all its stacks"})
    interval_seconds = fields.Integer(
        strict=True,
        allow_none=True,
        validate=validate.Range(min=MIN_INTERVAL_SECONDS, max=MAX_INTERVAL_SECONDS),
        metadata={"description": "null: as the installation", "example": 3600},
    )
    cron = fields.String(
        validate=validate.Length(max=100), metadata={"description": "Five fields, UTC"}
    )
    windows = fields.List(
        fields.Nested(WindowBody),
        validate=validate.Length(max=MAX_WINDOWS),
        metadata={
            "description": "All windows of scheduled checks; an empty list means any time. "
            "They hold for stacks with a rhythm of their own, too"
        },
    )


class ProjectDriftView(ResponseSchema):
    """How the stacks of a project are watched; without interval and cron, as the installation."""

    enabled = fields.Boolean(required=True)
    interval_seconds = fields.Integer(required=True, allow_none=True)
    cron = fields.String(required=True, allow_none=True)
    windows = fields.List(fields.Nested(WindowView), required=True)


class ApprovalBody(Request):
    """Who may approve plans."""

    not_by_requester = Flag(
        required=True,
        metadata={
            "description": "Nobody approves what it asked for itself; every plan that changes "
            "something then waits for somebody else, whatever auto_apply says",
            "example": True,
        },
    )


class ApprovalView(ResponseSchema):
    """Who may approve plans."""

    not_by_requester = fields.Boolean(required=True, metadata={"example": False})


class ProjectRules(Request):
    """Fields of a project that can be set when it is created and later."""

    title = fields.String(validate=validate.Length(max=MAX_TITLE), metadata={"example": "Shop"})
    auto_apply = fields.String(
        validate=choices(AutoApply),
        metadata={"description": "for new stacks that do not say it themselves"},
    )
    approval = fields.Nested(ApprovalBody)
    drift = fields.Nested(ProjectDriftBody)


class NewProjectBody(ProjectRules):
    """A new project."""

    name = fields.String(
        required=True,
        metadata={"pattern": NAME_PATTERN, "description": NAME_RULE, "example": "shop"},
    )


class ProjectChangeBody(ProjectRules):
    """Changes to a project; a field that is left out keeps its value."""


class ProjectView(ResponseSchema):
    """A project."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True)
    auto_apply = fields.String(required=True, validate=choices(AutoApply))
    approval = fields.Nested(ApprovalView, required=True)
    drift = fields.Nested(ProjectDriftView, required=True)
    created_at = timestamp()
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
