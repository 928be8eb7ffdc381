"""Projects: where stacks and roles live."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.requests import expected_version, page_request
from app.api.http.schemas import PageQuery, page_of
from app.api.resources.projects.schemas import NewProjectBody, ProjectChangeBody, ProjectView
from app.clock import rfc3339
from app.domain.operations import AutoApply
from app.domain.permissions import Right
from app.models import Project
from app.services.lookup import project_named
from app.services.projects import projects
from app.services.projects.projects import NewProject, ProjectChange
from app.services.schedules.settings import ProjectDrift
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("projects", "Projects: where stacks and roles live")


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
            return responses.page(found, present_project)

    @blueprint.doc(operationId="createProject")
    @blueprint.arguments(NewProjectBody)
    @blueprint.response(201, ProjectView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a project; needs project:manage"""
        wanted = NewProject(**_with_rules(body))

        def act(work: Work) -> responses.Created:
            row = projects.create_project(work, wanted)
            return responses.Created(present_project(row), f"projects/{row.id}", row.version)

        return responses.create(act)


@blueprint.route("/projects/<project>")
class OneProject(MethodView):
    """One project."""

    @blueprint.doc(operationId="getProject")
    @blueprint.response(200, ProjectView)
    def get(self, project: str) -> Response:
        """Show a project by id or name"""
        with current_context().read() as session:
            row = project_named(session, current_principal(), project, Right.PROJECT_READ)
            return responses.single(present_project(row), row.version)

    @blueprint.doc(operationId="changeProject")
    @blueprint.arguments(ProjectChangeBody)
    @blueprint.response(200, ProjectView)
    def patch(self, body: dict[str, Any], project: str) -> Response:
        """Change the title or the rules of a project; needs project:write"""
        change, version = ProjectChange(**_with_rules(body)), expected_version()
        with perform() as work:
            row = projects.change_project(work, project, change, expected_version=version)
            return responses.single(present_project(row), row.version)

    @blueprint.doc(operationId="deleteProject")
    @blueprint.response(204)
    def delete(self, project: str) -> Response:
        """Delete a project in which no stack lives; needs project:manage

        Its members lose their roles in it; its name becomes free.
        """
        version = expected_version()
        with perform() as work:
            projects.delete_project(work, project, version)
        return Response(status=204)


def present_project(row: Project) -> dict[str, Any]:
    """Return a project as the API shows it."""
    base = f"{PREFIX}/projects/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "title": row.title,
        "auto_apply": row.auto_apply,
        "approval": {"not_by_requester": row.approval_not_by_requester},
        "drift": {
            "enabled": row.drift_enabled,
            "interval_seconds": row.drift_interval_seconds,
            "cron": row.drift_cron,
            "windows": row.drift_windows,
        },
        "created_at": rfc3339(row.created_at),
        "links": {"self": base, "stacks": f"{PREFIX}/stacks?project={row.id}"},
    }


def _with_rules(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with values of the domain in place of texts."""
    if "auto_apply" in body:
        body["auto_apply"] = AutoApply(body["auto_apply"])
    if "drift" in body:
        drift = dict(body["drift"])
        goes_back = "interval_seconds" in drift and drift["interval_seconds"] is None
        body["drift"] = ProjectDrift(**drift, is_default=goes_back)
    if "approval" in body:
        body["approval_not_by_requester"] = body.pop("approval")["not_by_requester"]
    return body
