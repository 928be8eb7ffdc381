"""Users, for administrators: the list, and inviting one with a role."""

from __future__ import annotations

from flask import render_template
from werkzeug.wrappers import Response

from app.console.access.account import PASSWORD_RULE
from app.console.access.read_account import project_choices
from app.console.access.read_users import read_users
from app.console.shell.forms.entry import AT_FORM, FormEntry, blank, choice, sent
from app.console.shell.forms.fields import Field
from app.console.shell.labels.access import ROLE_MEANING
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.names import USER_NAME_RULE
from app.domain.permissions import Role, ServiceRight
from app.errors import TooManyRequestsError
from app.services.access import require_service
from app.services.identity.users import create_user, draft_user
from app.services.projects.members import set_member
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

REFUSED = (*AT_FORM, TooManyRequestsError)


@pages.get("/settings/users")
def list_people() -> str:
    """List everybody."""
    page = read_users(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_people", page.next_cursor, {})
    return render_template("access/users.html", page=page, next_page=following)


@pages.get("/settings/users/new")
def ask_for_user() -> str:
    """Show the form of a new person."""
    return _new_form(blank(_new_fields()))


@pages.post("/settings/users/new")
def make_user() -> Response | tuple[str, int]:
    """Make a person known, with a role if one was chosen."""
    entry = sent(_new_fields())
    principal = current_principal()
    project = entry.text("/project")
    try:
        role = entry.one_of("/role", Role) if project else None
        wanted = draft_user(
            principal,
            entry.text("/name"),
            entry.secret("/password"),
            is_admin=entry.is_on("/is_admin"),
        )
        with perform() as work:
            user_id = create_user(work, wanted).id
            if role is not None:
                set_member(work, project, user_id, role)
    except REFUSED as error:
        return _new_form(entry.after(error)), status_of(error)
    return go_with_notice("user-made", "console.show_user", user_id=user_id)


def _new_form(entry: FormEntry) -> str:
    return render_template("access/users_new.html", entry=entry)


def _new_fields() -> tuple[Field, ...]:
    ctx, principal = current_context(), current_principal()
    require_service(principal, ServiceRight.USER_MANAGE)
    projects = project_choices(ctx, principal)
    return (
        Field(
            "/name",
            "text",
            "Username",
            help=f"{USER_NAME_RULE}.",
            example="vera",
            is_required=True,
            is_immutable=True,
        ),
        Field(
            "/password",
            "new_password",
            "Initial password",
            help=f"{PASSWORD_RULE} Share it securely. The user can change it under Account.",
            is_required=True,
        ),
        choice("/project", "Project", [("", "None"), *projects], default=""),
        choice(
            "/role", "Role in the project", list(ROLE_MEANING.items()), default=Role.VIEWER.value
        ),
        Field(
            "/is_admin",
            "checkbox",
            "Administrator",
            help="Full access to all projects, users and cloud accounts.",
        ),
    )
