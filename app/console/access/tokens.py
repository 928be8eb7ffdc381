"""One's own API tokens: made with the scopes of choice, shown once, revoked at once."""

from __future__ import annotations

from datetime import timedelta

from flask import make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.access.read_account import TokenRow, project_choices, read_tokens, scopes_within
from app.console.session.shown_once import carried_secret, carry_secret, forget_secret
from app.console.shell.confirmation import Confirmation, ask, refuse_or_perform
from app.console.shell.forms.entry import FormEntry, blank, checks, choice, sent
from app.console.shell.forms.fields import Field, Option
from app.console.shell.labels.access import SCOPE
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.errors import ConflictError, ValidationError
from app.services.identity.api_tokens import NewToken, create_token, revoke_token, token_by_id
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_NAME = 64
DAYS = (1, 7, 30, 90, 180, 365)
USUAL_DAYS = 90


@pages.get("/settings/tokens")
def list_own_tokens() -> str:
    """List the tokens that are not revoked."""
    page = read_tokens(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_own_tokens", page.next_cursor, {})
    return render_template("access/tokens.html", page=page, next_page=following)


@pages.get("/settings/tokens/new")
def ask_for_token() -> str:
    """Show the form."""
    return _form(blank(_fields()))


@pages.post("/settings/tokens/new")
def make_token() -> Response | tuple[str, int]:
    """Make the token and go to the page that shows its secret, this once.

    A page that answers the form itself would make another token each time it is loaded again.
    """
    entry = sent(_fields())
    try:
        wanted = _wanted(entry)
        with perform() as work:
            token, secret = create_token(work, wanted)
            row = TokenRow.of(token)
    except (ValidationError, ConflictError) as error:
        return _form(entry.after(error)), status_of(error)
    response = redirect(url_for("console.show_new_token", token_id=row.id), 303)
    carry_secret(response, row.id, secret)
    return response


@pages.get("/settings/tokens/<token_id>/new")
def show_new_token(token_id: str) -> Response:
    """Show the secret of a token that was just made; later, that it was shown."""
    with current_context().read() as session:
        row = TokenRow.of(token_by_id(session, current_principal(), token_id))
    page = render_template("access/tokens_made.html", token=row, secret=carried_secret(row.id))
    response = make_response(page)
    forget_secret(response)
    return response


@pages.get("/settings/tokens/<token_id>/revoke")
def confirm_revoke(token_id: str) -> str:
    """Say what stops working, and ask for the name."""
    return ask(_question(token_id))


@pages.post("/settings/tokens/<token_id>/revoke")
def revoke_own_token(token_id: str) -> Response | tuple[str, int]:
    """Revoke the token if its name was typed."""
    return refuse_or_perform(
        _question(token_id), lambda work: revoke_token(work, token_id)
    ) or go_with_notice("token-revoked", "console.list_own_tokens")


def _question(token_id: str) -> Confirmation:
    with current_context().read() as session:
        row = TokenRow.of(token_by_id(session, current_principal(), token_id))
    return Confirmation(
        section="settings",
        title=f"Revoke {row.name}?",
        lead="Requests with this token will be rejected immediately.",
        verb="Revoke token",
        name=row.name,
        losses=(
            f"The token ending in {row.hint}, with the scopes {', '.join(row.scopes)}.",
            "A revoked token cannot be restored.",
        ),
        target=url_for("console.revoke_own_token", token_id=token_id),
        back=url_for("console.list_own_tokens"),
    )


def _fields() -> tuple[Field, ...]:
    ctx, principal = current_context(), current_principal()
    longest = timedelta(seconds=ctx.settings.api_token_max_seconds).days
    days = [count for count in DAYS if count <= longest] or [max(longest, 1)]
    projects = project_choices(ctx, principal)
    scopes = [Option(scope, SCOPE[scope], scope) for scope in scopes_within(principal)]
    return (
        Field(
            "/name",
            "text",
            "Name",
            help="What the token is for.",
            example="deploy pipeline",
            is_required=True,
        ),
        choice(
            "/expires_at",
            "Expires in",
            [(str(count), _days(count)) for count in days],
            default=str(USUAL_DAYS if USUAL_DAYS in days else days[-1]),
        ),
        choice("/project", "Project", [("", "All projects"), *projects], default=""),
        checks(
            "/scopes",
            "Scopes",
            scopes,
            "Select only what is needed. A token never has more permissions than you have.",
        ),
    )


def _wanted(entry: FormEntry) -> NewToken:
    name, scopes = entry.short("/name", "a name", MAX_NAME), tuple(entry.many("/scopes"))
    if not scopes:
        raise ValidationError.at("/scopes", "Choose at least one scope.")
    if unknown := [scope for scope in scopes if scope not in SCOPE]:
        raise ValidationError.at("/scopes", f"There is no scope {unknown[0][:40]!r}.")
    days = entry.text("/expires_at")
    if days not in {str(count) for count in DAYS}:
        raise ValidationError.at("/expires_at", "Choose one of the listed periods.")
    # A little less, so that the longest one is not refused for the time that the request takes.
    end = utc_now() + timedelta(days=int(days)) - timedelta(seconds=60)
    return NewToken(name, scopes, entry.text("/project") or None, end)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _form(entry: FormEntry) -> str:
    return render_template("access/tokens_new.html", entry=entry)
