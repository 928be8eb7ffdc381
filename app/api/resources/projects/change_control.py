"""Change windows and maintenance, of a project and of the whole service."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import Moment, not_blank, timestamp
from app.api.http.requests import expected_version
from app.api.http.schemas import Request, ResponseSchema, choices
from app.clock import rfc3339, utc_now
from app.domain.change_windows import DAYS, MAX_WINDOWS, Effect
from app.models import ChangeControl
from app.services.projects import change_control
from app.services.projects.change_control import ControlChange, Maintenance
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("change-control", "When changes may be applied")

MAX_REASON = 500
CLOCK_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def clock_time(example: str) -> fields.String:
    """Return a field for a time of day."""
    return fields.String(
        required=True,
        validate=validate.Regexp(CLOCK_TIME, error="Write it as 09:30."),
        metadata={"example": example, "pattern": CLOCK_TIME},
    )


class WindowBody(Request):
    """A weekly window; with ``end`` not after ``start`` it lasts until the next day."""

    effect = fields.String(required=True, validate=choices(Effect))
    days = fields.List(
        fields.String(validate=validate.OneOf(DAYS)),
        required=True,
        validate=validate.Length(min=1, max=len(DAYS)),
        metadata={"example": ["mon", "tue"]},
    )
    start = clock_time("22:00")
    end = clock_time("04:00")
    timezone = fields.String(
        load_default="UTC", validate=validate.Length(max=64), metadata={"example": "Europe/Berlin"}
    )


class MaintenanceBody(Request):
    """A time in which nothing is applied."""

    reason = not_blank(
        MAX_REASON, "the provider moves our account", error="Say why.", required=True
    )
    until = Moment(
        allow_none=True,
        format="iso",
        metadata={"description": "null or nothing: until it is lifted"},
    )


class ControlBody(Request):
    """Changes to the rules; a field that is left out keeps its value."""

    windows = fields.List(
        fields.Nested(WindowBody),
        validate=validate.Length(max=MAX_WINDOWS),
        metadata={"description": "All windows; an empty list means any time"},
    )
    maintenance = fields.Nested(
        MaintenanceBody, allow_none=True, metadata={"description": "null lifts it"}
    )


class WindowView(ResponseSchema):
    """A weekly window."""

    effect = fields.String(required=True, validate=choices(Effect))
    days = fields.List(fields.String(validate=validate.OneOf(DAYS)), required=True)
    start = fields.String(required=True)
    end = fields.String(required=True)
    timezone = fields.String(required=True)


class MaintenanceView(ResponseSchema):
    """Maintenance that is on, or was until ``until``."""

    reason = fields.String(required=True)
    since = timestamp()
    until = timestamp(allow_none=True)


class ControlView(ResponseSchema):
    """The rules of one scope, and what they mean now."""

    windows = fields.List(fields.Nested(WindowView), required=True)
    maintenance = fields.Nested(MaintenanceView, required=True, allow_none=True)
    open = fields.Boolean(required=True, metadata={"description": "Changes are applied now"})
    detail = fields.String(
        required=True, allow_none=True, metadata={"description": "Why they are not"}
    )
    opens_at = timestamp(allow_none=True)
    updated_at = timestamp()
    updated_by = fields.String(required=True)


@blueprint.route("/change-control")
class ServiceControl(MethodView):
    """The rules of the whole service."""

    @blueprint.doc(operationId="getChangeControl")
    @blueprint.response(200, ControlView)
    def get(self) -> Response:
        """Show when changes may be applied in any project"""
        return _show(None)

    @blueprint.doc(operationId="changeChangeControl")
    @blueprint.arguments(ControlBody)
    @blueprint.response(200, ControlView)
    def patch(self, body: dict[str, Any]) -> Response:
        """Set change windows or maintenance of the whole service; needs maintenance:manage

        Plans, drift checks and reads go on; what would be applied waits and says so.
        """
        return _change(None, body)


@blueprint.route("/projects/<project>/change-control")
class ProjectControl(MethodView):
    """The rules of one project."""

    @blueprint.doc(operationId="getProjectChangeControl")
    @blueprint.response(200, ControlView)
    def get(self, project: str) -> Response:
        """Show when changes may be applied in a project; those of the service come on top"""
        return _show(project)

    @blueprint.doc(operationId="changeProjectChangeControl")
    @blueprint.arguments(ControlBody)
    @blueprint.response(200, ControlView)
    def patch(self, body: dict[str, Any], project: str) -> Response:
        """Set change windows or maintenance of a project; needs project:write"""
        return _change(project, body)


def _show(project: str | None) -> Response:
    with current_context().read() as session:
        return _answer(change_control.read_control(session, current_principal(), project))


def _change(project: str | None, body: dict[str, Any]) -> Response:
    version = expected_version()
    maintenance = body.get("maintenance")
    change = ControlChange(
        windows=body.get("windows"),
        maintenance=Maintenance(**maintenance) if maintenance else None,
        ends_maintenance="maintenance" in body and maintenance is None,
    )
    with perform() as work:
        row = change_control.change_control(work, project, change, expected_version=version)
        return _answer(row)


def _answer(row: ChangeControl) -> Response:
    closure = change_control.closure_of(row, utc_now())
    since = row.maintenance_since
    body = {
        "windows": row.windows,
        "maintenance": {
            "reason": row.maintenance_reason,
            "since": rfc3339(since),
            "until": rfc3339(row.maintenance_until),
        }
        if since is not None
        else None,
        "open": closure is None,
        "detail": closure.detail if closure else None,
        "opens_at": rfc3339(closure.until) if closure else None,
        "updated_at": rfc3339(row.updated_at),
        "updated_by": row.updated_by,
    }
    return responses.single(body, row.version)
