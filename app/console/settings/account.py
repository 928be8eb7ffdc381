"""One's own account: the roles one has, the password, and the sessions on each device."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, url_for
from flask_jwt_extended import unset_jwt_cookies
from werkzeug.wrappers import Response

from app.console.forms.entry import Entry, blank, sent
from app.console.forms.fields import Field
from app.console.list_requests import next_address, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.access import read_account
from app.domain.passwords import MIN_LENGTH
from app.errors import TooManyRequestsError, ValidationError
from app.http_errors import status_of
from app.services.sessions import end_all_sessions, end_session
from app.services.sign_in import change_own_password
from app.web_context import current_context, current_principal

PASSWORD_RULE = f"At least {MIN_LENGTH} characters, not easy to guess, without the user name."
FIELDS = (
    Field("/current_password", "current_password", "Present password", is_required=True),
    Field("/new_password", "new_password", "New password", help=PASSWORD_RULE, is_required=True),
    Field("/repeated", "new_password", "New password once more", is_required=True),
)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    pages.add_url_rule("/settings", view_func=show_account)
    pages.add_url_rule("/settings/password", view_func=change_password, methods=["POST"])
    pages.add_url_rule(
        "/settings/sessions/<session_id>/end", view_func=end_own_session, methods=["POST"]
    )
    pages.add_url_rule("/settings/sessions/end", view_func=sign_out_everywhere, methods=["POST"])


def show_account() -> str:
    """Show who one is here, and where one is signed in."""
    return _page(blank(FIELDS))


def change_password() -> Response | tuple[str, int]:
    """Set a new password, if the present one is right."""
    entry = sent(FIELDS)
    wanted = entry.secret("/new_password")
    try:
        if wanted != entry.secret("/repeated"):
            raise ValidationError.at("/repeated", "Is not the same as the new password above.")
        change_own_password(
            current_context(), current_principal(), entry.secret("/current_password"), wanted
        )
    except (ValidationError, TooManyRequestsError) as error:
        return _page(entry.after(error)), status_of(error)
    return go_with_notice("password", "console.show_account")


def end_own_session(session_id: str) -> Response:
    """End one session; this one, too, if it is meant."""
    with current_context().write() as session:
        end_session(session, current_principal(), session_id)
    return go_with_notice("session-ended", "console.show_account")


def sign_out_everywhere() -> Response:
    """End all sessions, and go to the sign-in page."""
    with current_context().write() as session:
        end_all_sessions(session, current_principal())
    response = make_response(redirect(url_for("session.show_sign_in"), 303))
    unset_jwt_cookies(response)
    return response


def _page(entry: Entry) -> str:
    page = read_account(current_context(), current_principal(), wanted_page())
    following = next_address("console.show_account", page.next_cursor, {})
    return render_template("settings/account.html", page=page, entry=entry, next_page=following)
