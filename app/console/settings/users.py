"""Users, for administrators: invite one with a role, change what one may, disable, delete."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.confirmations import Confirmation, ask, ask_again, is_confirmed
from app.console.forms.entry import Entry, blank, choice, filled, sent, sent_version
from app.console.forms.fields import Field
from app.console.list_requests import next_address, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.access import visible_projects
from app.console.read_models.people import read_user, read_users
from app.console.settings.account import PASSWORD_RULE
from app.console.words import ROLE_MEANING
from app.domain.names import USER_NAME_RULE
from app.domain.permissions import Role, ServiceRight
from app.errors import ConflictError, LandformError, TooManyRequestsError, ValidationError
from app.errors import PreconditionFailedError as ChangedError
from app.http_errors import status_of
from app.services.access import require_service
from app.services.members import set_member
from app.services.users import UserChange, change_user, create_user, delete_user, draft_user
from app.web_context import current_context, current_principal

AT_FORM = (ValidationError, ConflictError, ChangedError, TooManyRequestsError)
NEW_PASSWORD = Field("/password", "new_password", "New password", help=PASSWORD_RULE)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base, one = "/settings/users", "/settings/users/<user_id>"
    pages.add_url_rule(base, view_func=list_people)
    pages.add_url_rule(f"{base}/new", view_func=ask_for_user)
    pages.add_url_rule(f"{base}/new", view_func=make_user, methods=["POST"])
    pages.add_url_rule(one, view_func=show_user)
    pages.add_url_rule(one, view_func=change_person, methods=["POST"])
    pages.add_url_rule(f"{one}/password", view_func=reset_password, methods=["POST"])
    pages.add_url_rule(f"{one}/delete", view_func=confirm_user_delete)
    pages.add_url_rule(f"{one}/delete", view_func=delete_person, methods=["POST"])


def list_people() -> str:
    """List everybody."""
    page = read_users(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_people", page.next_cursor, {})
    return render_template("settings/users.html", page=page, next_page=following)


def ask_for_user() -> str:
    """Show the form of a new person."""
    return _new_form(blank(_new_fields()))


def make_user() -> Response | tuple[str, int]:
    """Make a person known, with a role if one was chosen."""
    entry = sent(_new_fields())
    ctx, principal = current_context(), current_principal()
    project = entry.text("/project")
    try:
        role = _role(entry.text("/role")) if project else None
        wanted = draft_user(
            principal,
            entry.text("/name"),
            entry.secret("/password"),
            is_admin=entry.is_on("/is_admin"),
        )
        with ctx.write() as session:
            user_id = create_user(session, principal, wanted).id
            if role is not None:
                set_member(session, principal, project, user_id, role)
    except AT_FORM as error:
        return _new_form(entry.after(error)), status_of(error)
    return go_with_notice("user-made", "console.show_user", user_id=user_id)


def show_user(user_id: str) -> str:
    """Show a person, the person's roles, and what can be done."""
    return _page(user_id, blank((NEW_PASSWORD,)))


def change_person(user_id: str) -> Response | tuple[str, int]:
    """Disable or enable, make an administrator or not."""
    known = {
        "disable": (UserChange(disabled=True), "user-disabled"),
        "enable": (UserChange(disabled=False), "user-enabled"),
        "make_admin": (UserChange(is_admin=True), "saved"),
        "unmake_admin": (UserChange(is_admin=False), "saved"),
    }
    found = known.get(request.form.get("change", ""))
    if found is None:
        raise ValidationError.at("/change", f"Choose one of: {', '.join(known)}.")
    change, notice = found
    return _change(user_id, change, notice, blank((NEW_PASSWORD,)))


def reset_password(user_id: str) -> Response | tuple[str, int]:
    """Set a new password for somebody."""
    entry = sent((NEW_PASSWORD,))
    change = UserChange(password=entry.secret("/password"))
    return _change(user_id, change, "user-password", entry)


def confirm_user_delete(user_id: str) -> str:
    """Say what goes with a person, and ask for the name."""
    return ask(_question(user_id))


def delete_person(user_id: str) -> Response | tuple[str, int]:
    """Delete a person if the name was typed."""
    question = _question(user_id)
    if not is_confirmed(question):
        return ask_again(question)
    try:
        with current_context().write() as session:
            delete_user(session, current_principal(), user_id, sent_version())
    except (ConflictError, ChangedError) as error:
        return ask_again(question, error)
    return go_with_notice("deleted", "console.list_people")


def _change(
    user_id: str, change: UserChange, notice: str, entry: Entry
) -> Response | tuple[str, int]:
    ctx, principal = current_context(), current_principal()
    try:
        change_user(ctx, principal, user_id, change, expected_version=sent_version())
    except AT_FORM as error:
        return _page(user_id, entry, error), status_of(error)
    return go_with_notice(notice, "console.show_user", user_id=user_id)


def _page(user_id: str, entry: Entry, error: LandformError | None = None) -> str:
    page = read_user(current_context(), current_principal(), user_id)
    shown = filled(entry.fields, {}, page.user.version)
    if error is not None:
        shown = shown.after(error)
    return render_template("settings/user.html", page=page, entry=shown)


def _new_form(entry: Entry) -> str:
    return render_template("settings/user_new.html", entry=entry)


def _new_fields() -> tuple[Field, ...]:
    ctx, principal = current_context(), current_principal()
    require_service(principal, ServiceRight.USER_MANAGE)
    projects = [(row.name, row.title or row.name) for row in visible_projects(ctx, principal)]
    return (
        Field(
            "/name",
            "text",
            "User name",
            help=f"{USER_NAME_RULE}.",
            example="vera",
            is_required=True,
            is_immutable=True,
        ),
        Field(
            "/password",
            "new_password",
            "First password",
            help=f"{PASSWORD_RULE} Hand it over in person; it is changed under Your account.",
            is_required=True,
        ),
        choice("/project", "Project", [("", "None yet"), *projects], default=""),
        choice(
            "/role", "Role in that project", list(ROLE_MEANING.items()), default=Role.VIEWER.value
        ),
        Field(
            "/is_admin",
            "checkbox",
            "Administrator of this Landform",
            help="Every right in every project, users and cloud accounts too.",
        ),
    )


def _role(text: str) -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise ValidationError.at("/role", f"Choose one of: {', '.join(Role)}.") from error


def _question(user_id: str) -> Confirmation:
    page = read_user(current_context(), current_principal(), user_id)
    roles = ", ".join(f"{role} of {project.name}" for project, role in page.roles)
    return Confirmation(
        section="settings",
        title=f"Delete {page.user.name}?",
        lead="What the person did stays in the audit trail under this name.",
        verb="Delete the user",
        name=page.user.name,
        losses=(
            "All sessions and all API tokens end at once.",
            f"Roles: {roles}." if roles else "There are no roles to lose.",
            "The name stays taken: nobody else can get it.",
        ),
        target=url_for("console.delete_person", user_id=user_id),
        back=url_for("console.show_user", user_id=user_id),
        version=page.user.version,
    )
