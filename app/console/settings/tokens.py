"""One's own API tokens: made with the scopes of choice, shown once, revoked at once."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.confirmations import Confirmation, ask, ask_again, is_confirmed
from app.console.forms.entry import Entry, blank, checks, choice, sent
from app.console.forms.fields import Field, Option
from app.console.list_requests import next_address, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.access import (
    TokenRow,
    read_tokens,
    scopes_within,
    visible_projects,
)
from app.console.words import SCOPE
from app.errors import ConflictError, ValidationError
from app.http_errors import status_of
from app.services.api_tokens import NewToken, create_token, revoke_token, token_by_id
from app.web_context import current_context, current_principal

MAX_NAME = 64
DAYS = (1, 7, 30, 90, 180, 365)
USUAL_DAYS = 90


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base = "/settings/tokens"
    pages.add_url_rule(base, view_func=list_own_tokens)
    pages.add_url_rule(f"{base}/new", view_func=ask_for_token)
    pages.add_url_rule(f"{base}/new", view_func=make_token, methods=["POST"])
    pages.add_url_rule(f"{base}/<token_id>/revoke", view_func=confirm_revoke)
    pages.add_url_rule(f"{base}/<token_id>/revoke", view_func=revoke_own_token, methods=["POST"])


def list_own_tokens() -> str:
    """List the tokens that are not revoked."""
    page = read_tokens(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_own_tokens", page.next_cursor, {})
    return render_template("settings/tokens.html", page=page, next_page=following)


def ask_for_token() -> str:
    """Show the form."""
    return _form(blank(_fields()))


def make_token() -> tuple[str, int]:
    """Make the token and show its secret, this once."""
    entry = sent(_fields())
    ctx = current_context()
    try:
        wanted = _wanted(entry)
        with ctx.write() as session:
            token, secret = create_token(ctx, session, current_principal(), wanted)
            row = TokenRow.of(token)
    except (ValidationError, ConflictError) as error:
        return _form(entry.after(error)), status_of(error)
    return render_template("settings/token_made.html", token=row, secret=secret), 201


def confirm_revoke(token_id: str) -> str:
    """Say what stops working, and ask for the name."""
    return ask(_question(token_id))


def revoke_own_token(token_id: str) -> Response | tuple[str, int]:
    """Revoke the token if its name was typed."""
    question = _question(token_id)
    if not is_confirmed(question):
        return ask_again(question)
    with current_context().write() as session:
        revoke_token(session, current_principal(), token_id)
    return go_with_notice("token-revoked", "console.list_own_tokens")


def _question(token_id: str) -> Confirmation:
    with current_context().read() as session:
        row = TokenRow.of(token_by_id(session, current_principal(), token_id))
    return Confirmation(
        section="settings",
        title=f"Revoke {row.name}?",
        lead="Whoever calls with this token is refused from the next request on.",
        verb="Revoke the token",
        name=row.name,
        losses=(
            f"The token that ends in {row.hint}, for {', '.join(row.scopes)}.",
            "It cannot be brought back; make another one instead.",
        ),
        target=url_for("console.revoke_own_token", token_id=token_id),
        back=url_for("console.list_own_tokens"),
    )


def _fields() -> tuple[Field, ...]:
    ctx, principal = current_context(), current_principal()
    longest = timedelta(seconds=ctx.settings.api_token_max_seconds).days
    days = [count for count in DAYS if count <= longest] or [max(longest, 1)]
    projects = [(row.name, row.title or row.name) for row in visible_projects(ctx, principal)]
    scopes = [Option(scope, scope, SCOPE[scope]) for scope in scopes_within(principal)]
    return (
        Field(
            "/name",
            "text",
            "What it is for",
            help="You find it by this name when it is to be revoked.",
            example="deploy pipeline",
            is_required=True,
        ),
        choice(
            "/expires_at",
            "Good for",
            [(str(count), _days(count)) for count in days],
            default=str(USUAL_DAYS if USUAL_DAYS in days else days[-1]),
        ),
        choice(
            "/project",
            "Only in",
            [("", "Every project in which you have the right"), *projects],
            default="",
        ),
        checks(
            "/scopes",
            "What it may do",
            scopes,
            "As few as will do; it never does more than you may at that moment.",
        ),
    )


def _wanted(entry: Entry) -> NewToken:
    name, scopes = entry.text("/name"), tuple(entry.many("/scopes"))
    if not 0 < len(name) <= MAX_NAME:
        raise ValidationError.at("/name", f"Say what it is for, in at most {MAX_NAME} characters.")
    if not scopes:
        raise ValidationError.at("/scopes", "Choose at least one.")
    if unknown := [scope for scope in scopes if scope not in SCOPE]:
        raise ValidationError.at("/scopes", f"There is no scope {unknown[0][:40]!r}.")
    days = entry.text("/expires_at")
    if days not in {str(count) for count in DAYS}:
        raise ValidationError.at("/expires_at", "Choose one of the periods offered.")
    # A little less, so that the longest one is not refused for the time that the request takes.
    end = utc_now() + timedelta(days=int(days)) - timedelta(seconds=60)
    return NewToken(name, scopes, entry.text("/project") or None, end)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _form(entry: Entry) -> str:
    return render_template("settings/token_new.html", entry=entry)
