"""One user: roles, disable, make an administrator, reset, delete."""

from __future__ import annotations

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from app.console.access.account import PASSWORD_RULE
from app.console.access.read_users import read_user
from app.console.shell.confirmation import Confirmation, ask, refuse_or_perform
from app.console.shell.forms.entry import AT_FORM, FormEntry, blank, filled, sent, sent_version
from app.console.shell.forms.fields import Field
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.errors import LandformError, TooManyRequestsError, ValidationError
from app.services.identity.second_factors import reset_of
from app.services.identity.users import UserChange, change_user, delete_user
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

REFUSED = (*AT_FORM, TooManyRequestsError)
NEW_PASSWORD = Field("/password", "new_password", "New password", help=PASSWORD_RULE)


@pages.get("/settings/users/<user_id>")
def show_user(user_id: str) -> str:
    """Show a person, the person's roles, and what can be done."""
    return _page(user_id, blank((NEW_PASSWORD,)))


@pages.post("/settings/users/<user_id>")
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


@pages.post("/settings/users/<user_id>/password")
def reset_password(user_id: str) -> Response | tuple[str, int]:
    """Set a new password for somebody."""
    entry = sent((NEW_PASSWORD,))
    change = UserChange(password=entry.secret("/password"))
    return _change(user_id, change, "user-password", entry)


@pages.post("/settings/users/<user_id>/second-factor/reset")
def reset_second_factor(user_id: str) -> Response:
    """Take somebody's second factor away, who has lost it."""
    with perform() as work:
        reset_of(work, user_id)
    return go_with_notice("factor-reset", "console.show_user", user_id=user_id)


@pages.get("/settings/users/<user_id>/delete")
def confirm_user_delete(user_id: str) -> str:
    """Say what goes with a person, and ask for the name."""
    return ask(_question(user_id))


@pages.post("/settings/users/<user_id>/delete")
def delete_person(user_id: str) -> Response | tuple[str, int]:
    """Delete a person if the name was typed."""
    return refuse_or_perform(
        _question(user_id), lambda work: delete_user(work, user_id, sent_version())
    ) or go_with_notice("deleted", "console.list_people")


def _change(
    user_id: str, change: UserChange, notice: str, entry: FormEntry
) -> Response | tuple[str, int]:
    ctx, principal = current_context(), current_principal()
    try:
        change_user(ctx, principal, user_id, change, expected_version=sent_version())
    except REFUSED as error:
        return _page(user_id, entry, error), status_of(error)
    return go_with_notice(notice, "console.show_user", user_id=user_id)


def _page(user_id: str, entry: FormEntry, error: LandformError | None = None) -> str:
    page = read_user(current_context(), current_principal(), user_id)
    shown = filled(entry.fields, {}, page.user.version)
    if error is not None:
        shown = shown.after(error)
    return render_template("access/user.html", page=page, entry=shown)


def _question(user_id: str) -> Confirmation:
    page = read_user(current_context(), current_principal(), user_id)
    roles = ", ".join(f"{role} of {project.name}" for project, role in page.roles)
    return Confirmation(
        section="settings",
        title=f"Delete {page.user.name}?",
        lead="The actions of the user stay in the audit trail under this name.",
        verb="Delete user",
        name=page.user.name,
        losses=(
            "All sessions and API tokens are revoked immediately.",
            f"Roles: {roles}." if roles else "The user has no roles.",
            "The name cannot be used again.",
        ),
        target=url_for("console.delete_person", user_id=user_id),
        back=url_for("console.show_user", user_id=user_id),
        version=page.user.version,
    )
