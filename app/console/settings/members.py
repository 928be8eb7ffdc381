"""Members of a project: give somebody a role, change it, take it away."""

from __future__ import annotations

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.console.forms.entry import Entry, blank, choice, sent
from app.console.forms.fields import Field
from app.console.notices import go_with_notice
from app.console.read_models.people import read_project
from app.console.words import ROLE_MEANING
from app.domain.permissions import Role
from app.errors import NotFoundError, ValidationError
from app.http_errors import status_of
from app.services.lookup import user_named
from app.services.members import remove_member, set_member
from app.services.pages import PageRequest
from app.web_context import current_context, current_principal

FIELDS = (
    Field("/user", "text", "User name", example="vera", is_required=True),
    choice("/role", "Role", list(ROLE_MEANING.items()), default=Role.VIEWER.value),
)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base = "/settings/projects/<project>/members"
    pages.add_url_rule(base, view_func=add_member, methods=["POST"])
    pages.add_url_rule(f"{base}/<user_id>/remove", view_func=take_role, methods=["POST"])


def member_entry() -> Entry:
    """Return the form that gives somebody a role."""
    return blank(FIELDS)


def add_member(project: str) -> Response | tuple[str, int]:
    """Give somebody a role, instead of the one that the person had there."""
    entry = sent(FIELDS)
    ctx, principal = current_context(), current_principal()
    try:
        role = _role(entry.text("/role"))
        with ctx.write() as session:
            member = set_member(session, principal, project, entry.text("/user"), role)
            project_id = member.project_id
    except ValidationError as error:
        return _form(project, entry.after(error)), status_of(error)
    except NotFoundError as error:
        if _is_known(entry.text("/user")):
            raise
        problem = ValidationError.at("/user", error.detail)
        return _form(project, entry.after(problem)), status_of(problem)
    return go_with_notice("member-set", "console.show_project", project=project_id)


def take_role(project: str, user_id: str) -> Response:
    """Take somebody's role away."""
    with current_context().write() as session:
        remove_member(session, current_principal(), project, user_id)
    return go_with_notice("member-removed", "console.show_project", project=project)


def _form(project: str, entry: Entry) -> str:
    page = read_project(current_context(), current_principal(), project, PageRequest(limit=1))
    return render_template("settings/member_new.html", page=page, entry=entry)


def _is_known(name: str) -> bool:
    """Tell whether the person exists, so that it is the project that does not."""
    try:
        with current_context().read() as session:
            user_named(session, name)
    except NotFoundError:
        return False
    return True


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise ValidationError.at("/role", f"Choose one of: {', '.join(Role)}.") from error
