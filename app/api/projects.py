"""Projects: where stacks and roles live."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers
from app.api.change_control import WindowBody, WindowView
from app.api.json_fields import Flag
from app.api.present import PREFIX
from app.api.requests import ApiBlueprint, expected_version, page_request
from app.api.schemas import Answer, PageQuery, Request, choices, page_of
from app.clock import rfc3339
from app.domain.change_windows import MAX_WINDOWS
from app.domain.names import NAME_PATTERN, NAME_RULE
from app.domain.operations import AutoApply
from app.domain.permissions import Right
from app.models import Project
from app.services import projects
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import project_named
from app.services.projects import MAX_TITLE, NewProject, ProjectChange
from app.services.schedules import MAX_INTERVAL_SECONDS, MIN_INTERVAL_SECONDS, ProjectDrift
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("projects", "Projects: where stacks and roles live")


class ProjectDriftBody(Request):
    """How the stacks of a project are watched for drift that have no rhythm of their own."""

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
            "description": "All windows in which the clock checks; an empty list means any time. "
            "They hold for stacks with a rhythm of their own, too"
        },
    )


class ProjectDriftView(Answer):
    """How the stacks of a project are watched; without interval and cron, as the installation."""

    enabled = fields.Boolean(required=True)
    interval_seconds = fields.Integer(required=True, allow_none=True)
    cron = fields.String(required=True, allow_none=True)
    windows = fields.List(fields.Nested(WindowView), required=True)


class ProjectRules(Request):
    """What may be said about a project when it is made and later."""

    title = fields.String(validate=validate.Length(max=MAX_TITLE), metadata={"example": "Shop"})
    auto_apply = fields.String(
        validate=choices(AutoApply),
        metadata={"description": "for new stacks that do not say it themselves"},
    )
    drift = fields.Nested(ProjectDriftBody)


class NewProjectBody(ProjectRules):
    """A new project."""

    name = fields.String(
        required=True,
        metadata={"pattern": NAME_PATTERN, "description": NAME_RULE, "example": "shop"},
    )


class ProjectChangeBody(ProjectRules):
    """What is wanted otherwise; what is left out stays as it is."""


class ProjectView(Answer):
    """A project."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True)
    auto_apply = fields.String(required=True, validate=choices(AutoApply))
    drift = fields.Nested(ProjectDriftView, required=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.route("/projects")
class Projects(MethodView):
    """All projects."""

    @blueprint.doc(operationId="listProjects")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(ProjectView, "ProjectPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the projects in which you have a role; an administrator sees all"""
        with current_context().read() as session:
            found = projects.list_projects(session, current_principal(), page_request(query))
            return answers.page(found, present_project)

    @blueprint.doc(operationId="createProject")
    @blueprint.arguments(NewProjectBody)
    @blueprint.response(201, ProjectView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a project; needs project:manage"""
        wanted = NewProject(**_with_rules(body))

        def work(session: Session, ctx: Context, principal: Principal) -> answers.Created:
            row = projects.create_project(session, ctx.settings, principal, wanted)
            return answers.Created(present_project(row), f"projects/{row.id}", row.version)

        return answers.create(work)


@blueprint.route("/projects/<project>")
class OneProject(MethodView):
    """One project."""

    @blueprint.doc(operationId="getProject")
    @blueprint.response(200, ProjectView)
    def get(self, project: str) -> Response:
        """Show a project by id or name"""
        with current_context().read() as session:
            row = project_named(session, current_principal(), project, Right.PROJECT_READ)
            return _single(row)

    @blueprint.doc(operationId="changeProject")
    @blueprint.arguments(ProjectChangeBody)
    @blueprint.response(200, ProjectView)
    def patch(self, body: dict[str, Any], project: str) -> Response:
        """Change the title or the rules of a project; needs project:write"""
        change, version = ProjectChange(**_with_rules(body)), expected_version()
        ctx, principal = current_context(), current_principal()
        with ctx.write() as session:
            row = projects.change_project(
                session, ctx.settings, principal, project, change, expected_version=version
            )
            return _single(row)

    @blueprint.doc(operationId="deleteProject")
    @blueprint.response(204)
    def delete(self, project: str) -> Response:
        """Delete a project in which no stack lives; needs project:manage

        Its members lose their roles in it; its name becomes free.
        """
        version = expected_version()
        with current_context().write() as session:
            projects.delete_project(session, current_principal(), project, version)
        return Response(status=204)


def present_project(row: Project) -> dict[str, Any]:
    """Return a project as the API shows it."""
    base = f"{PREFIX}/projects/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "title": row.title,
        "auto_apply": row.auto_apply,
        "drift": {
            "enabled": row.drift_enabled,
            "interval_seconds": row.drift_interval_seconds,
            "cron": row.drift_cron,
            "windows": row.drift_windows,
        },
        "created_at": rfc3339(row.created_at),
        "links": {"self": base, "stacks": f"{PREFIX}/stacks?project={row.id}"},
    }


def _single(row: Project) -> Response:
    return answers.single(present_project(row), str(row.version))


def _with_rules(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with its words turned into those of the domain."""
    if "auto_apply" in body:
        body["auto_apply"] = AutoApply(body["auto_apply"])
    if "drift" in body:
        drift = dict(body["drift"])
        goes_back = "interval_seconds" in drift and drift["interval_seconds"] is None
        body["drift"] = ProjectDrift(**drift, is_default=goes_back)
    return body
