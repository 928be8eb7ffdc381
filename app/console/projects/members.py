"""Members of a project: give somebody a role, change it, take it away."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.console.projects.read import read_project
from app.console.shell.forms.entry import FormEntry, blank, choice, sent
from app.console.shell.forms.fields import Field
from app.console.shell.labels.access import ROLE_MEANING
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.permissions import Role
from app.errors import NotFoundError, ValidationError
from app.services.lookup import user_named
from app.services.paging import PageRequest
from app.services.projects.members import remove_member, set_member
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

FIELDS = (
    Field("/user", "text", "Username", example="vera", is_required=True),
    choice("/role", "Role", list(ROLE_MEANING.items()), default=Role.VIEWER.value),
)


def member_entry() -> FormEntry:
    """Return the form that gives somebody a role."""
    return blank(FIELDS)


@pages.post("/settings/projects/<project>/members")
def add_member(project: str) -> Response | tuple[str, int]:
    """Give somebody a role, instead of the one that the person had there."""
    entry = sent(FIELDS)
    try:
        role = entry.one_of("/role", Role)
        with perform() as work:
            member = set_member(work, project, entry.text("/user"), role)
            project_id = member.project_id
    except ValidationError as error:
        return _form(project, entry.after(error)), status_of(error)
    except NotFoundError as error:
        if _is_known(entry.text("/user")):
            raise
        problem = ValidationError.at("/user", error.detail)
        return _form(project, entry.after(problem)), status_of(problem)
    return go_with_notice("member-set", "console.show_project", project=project_id)


@pages.post("/settings/projects/<project>/members/<user_id>/remove")
def take_role(project: str, user_id: str) -> Response:
    """Take somebody's role away."""
    with perform() as work:
        remove_member(work, project, user_id)
    return go_with_notice("member-removed", "console.show_project", project=project)


def _form(project: str, entry: FormEntry) -> str:
    page = read_project(current_context(), current_principal(), project, PageRequest(limit=1))
    return render_template("projects/members_new.html", page=page, entry=entry)


def _is_known(name: str) -> bool:
    """Tell whether the person exists, so that it is the project that does not."""
    try:
        with current_context().read() as session:
            user_named(session, name)
    except NotFoundError:
        return False
    return True
