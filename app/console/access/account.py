"""One's own account: the roles one has, the password, and the sessions on each device."""

from __future__ import annotations

from flask import make_response, redirect, render_template, url_for
from flask_jwt_extended import unset_jwt_cookies
from werkzeug.wrappers import Response

from app.console.access.read_account import read_account
from app.console.shell.forms.entry import FormEntry, blank, sent
from app.console.shell.forms.fields import Field
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.password_rules import MIN_LENGTH
from app.errors import TooManyRequestsError, ValidationError
from app.services.identity.sessions import end_all_sessions, end_session
from app.services.identity.sign_in import change_own_password
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

PASSWORD_RULE = f"At least {MIN_LENGTH} characters, not easy to guess, without the user name."
FIELDS = (
    Field("/current_password", "current_password", "Current password", is_required=True),
    Field("/new_password", "new_password", "New password", help=PASSWORD_RULE, is_required=True),
    Field("/repeated", "new_password", "Confirm new password", is_required=True),
)


@pages.get("/settings")
def show_account() -> str:
    """Show who one is here, and where one is signed in."""
    return _page(blank(FIELDS))


@pages.post("/settings/password")
def change_password() -> Response | tuple[str, int]:
    """Set a new password, if the present one is right."""
    entry = sent(FIELDS)
    wanted = entry.secret("/new_password")
    try:
        if wanted != entry.secret("/repeated"):
            raise ValidationError.at("/repeated", "The passwords do not match.")
        change_own_password(
            current_context(), current_principal(), entry.secret("/current_password"), wanted
        )
    except (ValidationError, TooManyRequestsError) as error:
        return _page(entry.after(error)), status_of(error)
    return go_with_notice("password", "console.show_account")


@pages.post("/settings/sessions/<session_id>/end")
def end_own_session(session_id: str) -> Response:
    """End one session; this one, too, if it is meant."""
    with perform() as work:
        end_session(work, session_id)
    return go_with_notice("session-ended", "console.show_account")


@pages.post("/settings/sessions/end")
def sign_out_everywhere() -> Response:
    """End all sessions, and go to the sign-in page."""
    with perform() as work:
        end_all_sessions(work)
    response = make_response(redirect(url_for("session.show_sign_in"), 303))
    unset_jwt_cookies(response)
    return response


def _page(entry: FormEntry) -> str:
    page = read_account(current_context(), current_principal(), wanted_page())
    following = next_address("console.show_account", page.next_cursor, {})
    return render_template("access/account.html", page=page, entry=entry, next_page=following)
