"""Ignore rules: which drift is hidden, why, who answers for it, until when; end one."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.forms.entry import Entry, choice, filled, sent, sent_version
from app.console.forms.fields import Field
from app.console.list_requests import next_address, wanted_choice, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.drift_rules import read_rule, read_rules
from app.domain.drift_rules import MAX_LIFE, MAX_REASON
from app.errors import PreconditionFailedError, ValidationError
from app.http_errors import status_of
from app.services.drift.rules import RuleChange, change_rule, delete_rule
from app.web_context import current_context, current_principal

MAX_OWNER = 64
KEEP = ""
DAYS = tuple(days for days in (1, 7, 30, 90, 180, 365) if days <= MAX_LIFE.days)
FIELDS = (
    Field("/reason", "text", "Why it is accepted", is_required=True),
    Field("/owner", "text", "Who answers for it", is_required=True),
    choice(
        "/expires_at",
        "Ends",
        [(KEEP, "When it does now"), *((str(days), f"In {days} days") for days in DAYS)],
        default=KEEP,
    ),
)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base, one = "/settings/drift-rules", "/settings/drift-rules/<rule_id>"
    pages.add_url_rule(base, view_func=list_drift_rules)
    pages.add_url_rule(one, view_func=edit_drift_rule)
    pages.add_url_rule(one, view_func=save_drift_rule, methods=["POST"])
    pages.add_url_rule(f"{one}/end", view_func=end_drift_rule, methods=["POST"])


def list_drift_rules() -> str:
    """List the rules, those in force unless others are asked for."""
    wanted = wanted_choice("show", ("all", "expired"))
    is_expired = {"all": None, "expired": True}.get(wanted or "", False)
    page = read_rules(current_context(), current_principal(), wanted_page(), is_expired=is_expired)
    following = next_address("console.list_drift_rules", page.next_cursor, {"show": wanted})
    return render_template(
        "settings/drift_rules.html", page=page, wanted=wanted, next_page=following
    )


def edit_drift_rule(rule_id: str) -> str:
    """Show what may be changed of a rule."""
    rule = read_rule(current_context(), current_principal(), rule_id)
    typed = {"/reason": rule.reason, "/owner": rule.owner, "/expires_at": KEEP}
    return _form(rule_id, filled(FIELDS, typed, rule.version))


def save_drift_rule(rule_id: str) -> Response | tuple[str, int]:
    """Change reason, owner or expiry."""
    entry = sent(FIELDS)
    try:
        change = _wanted(entry)
        with current_context().write() as session:
            change_rule(session, current_principal(), rule_id, change, entry.version)
    except (ValidationError, PreconditionFailedError) as error:
        return _form(rule_id, entry.after(error)), status_of(error)
    return go_with_notice("saved", "console.list_drift_rules")


def end_drift_rule(rule_id: str) -> Response:
    """End a rule; what it hid is seen again at once."""
    with current_context().write() as session:
        delete_rule(session, current_principal(), rule_id, sent_version())
    return go_with_notice("rule-ended", "console.list_drift_rules")


def _wanted(entry: Entry) -> RuleChange:
    reason, owner, days = (entry.text(item.pointer) for item in FIELDS)
    if not 0 < len(reason) <= MAX_REASON:
        raise ValidationError.at("/reason", f"Say why, in at most {MAX_REASON} characters.")
    if not 0 < len(owner) <= MAX_OWNER:
        raise ValidationError.at("/owner", f"Name somebody, in at most {MAX_OWNER} characters.")
    if days == KEEP:
        return RuleChange(reason, owner)
    if days not in {str(count) for count in DAYS}:
        raise ValidationError.at("/expires_at", "Choose one of the periods offered.")
    # A little less, so that the longest one is not refused for the time that the request takes.
    return RuleChange(reason, owner, utc_now() + timedelta(days=int(days), seconds=-60))


def _form(rule_id: str, entry: Entry) -> str:
    rule = read_rule(current_context(), current_principal(), rule_id)
    return render_template("settings/drift_rule.html", rule=rule, entry=entry)
