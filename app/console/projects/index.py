"""The list of projects, and making one."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.console.projects.detail import AUTO, TITLE, typed_title
from app.console.projects.read import read_projects
from app.console.shell.forms.entry import AT_FORM, blank, sent
from app.console.shell.forms.fields import Field
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.names import NAME_RULE
from app.domain.operations import AutoApply
from app.domain.permissions import ServiceRight
from app.services.access import require_service
from app.services.projects.projects import NewProject, create_project
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

AS_INSTALLATION, NEVER, KEEP = "", "never", "keep"


NAME = Field(
    "/name",
    "text",
    "Name",
    help=f"{NAME_RULE}.",
    example="shop",
    is_required=True,
    is_immutable=True,
)
FIELDS = (NAME, TITLE, AUTO)


@pages.get("/settings/projects")
def list_own_projects() -> str:
    """List the projects that one can see."""
    page = read_projects(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_own_projects", page.next_cursor, {})
    return render_template("projects/index.html", page=page, next_page=following)


@pages.get("/settings/projects/new")
def ask_for_project() -> str:
    """Show the form of a new project."""
    require_service(current_principal(), ServiceRight.PROJECT_MANAGE)
    return render_template("projects/index_new.html", entry=blank(FIELDS))


@pages.post("/settings/projects/new")
def make_project() -> Response | tuple[str, int]:
    """Make a project."""
    entry = sent(FIELDS)
    principal = current_principal()
    require_service(principal, ServiceRight.PROJECT_MANAGE)
    try:
        wanted = NewProject(
            entry.text("/name"), typed_title(entry), entry.one_of("/auto_apply", AutoApply)
        )
        with perform() as work:
            project = create_project(work, wanted).id
    except AT_FORM as error:
        page = render_template("projects/index_new.html", entry=entry.after(error))
        return page, status_of(error)
    return go_with_notice("made", "console.show_project", project=project)
