"""Ignore rules: which drift is hidden, why, who answers for it, until when; end one."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template, request
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.drift.read_rules import read_rule, read_rules
from app.console.shell.forms.entry import FormEntry, choice, filled, sent, sent_version
from app.console.shell.forms.fields import Field
from app.console.shell.guard import local_path
from app.console.shell.list_requests import next_address, wanted_choice, wanted_page
from app.console.shell.notices import go_back_with_notice, go_with_notice
from app.console.shell.pages import pages
from app.domain.drift_rules import MAX_LIFE, MAX_REASON
from app.errors import PreconditionFailedError, ValidationError
from app.services.drift.rules import RuleChange, change_rule, delete_rule
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_OWNER = 64
KEEP = ""
DAYS = tuple(days for days in (1, 7, 30, 90, 180, 365) if days <= MAX_LIFE.days)
FIELDS = (
    Field("/reason", "text", "Reason", is_required=True),
    Field("/owner", "text", "Owner", is_required=True),
    choice(
        "/expires_at",
        "Expires",
        [(KEEP, "Keep the current date"), *((str(days), f"In {days} days") for days in DAYS)],
        default=KEEP,
    ),
)


@pages.get("/settings/drift-rules")
def list_drift_rules() -> str:
    """List the rules, those in force unless others are asked for."""
    wanted = wanted_choice("show", ("all", "expired"))
    is_expired = {"all": None, "expired": True}.get(wanted or "", False)
    page = read_rules(current_context(), current_principal(), wanted_page(), is_expired=is_expired)
    following = next_address("console.list_drift_rules", page.next_cursor, {"show": wanted})
    return render_template("drift/rules.html", page=page, wanted=wanted, next_page=following)


@pages.get("/settings/drift-rules/<rule_id>")
def edit_drift_rule(rule_id: str) -> str:
    """Show what may be changed of a rule."""
    rule = read_rule(current_context(), current_principal(), rule_id)
    typed = {"/reason": rule.reason, "/owner": rule.owner, "/expires_at": KEEP}
    return _form(rule_id, filled(FIELDS, typed, rule.version))


@pages.post("/settings/drift-rules/<rule_id>")
def save_drift_rule(rule_id: str) -> Response | tuple[str, int]:
    """Change reason, owner or expiry."""
    entry = sent(FIELDS)
    try:
        change = _wanted(entry)
        with perform() as work:
            change_rule(work, rule_id, change, entry.version)
    except (ValidationError, PreconditionFailedError) as error:
        return _form(rule_id, entry.after(error)), status_of(error)
    return go_with_notice("saved", "console.list_drift_rules")


@pages.post("/settings/drift-rules/<rule_id>/end")
def end_drift_rule(rule_id: str) -> Response:
    """End a rule; what it hid is seen again at once."""
    with perform() as work:
        delete_rule(work, rule_id, sent_version())
    return go_with_notice("rule-ended", "console.list_drift_rules")


@pages.post("/drift/rules/<rule_id>/end")
def end_rule(rule_id: str) -> Response:
    """End a rule as a page of drift showed it, and go back to that page."""
    version = sent_version()
    if version is None:
        raise ValidationError.at(
            "/version", "The form does not say which version of the rule it was made from."
        )
    with perform() as work:
        delete_rule(work, rule_id, version)
    return go_back_with_notice("rule-ended", local_path(request.form.get("next")))


def _wanted(entry: FormEntry) -> RuleChange:
    reason = entry.short("/reason", "a reason", MAX_REASON)
    owner = entry.short("/owner", "an owner", MAX_OWNER)
    days = entry.text("/expires_at")
    if days == KEEP:
        return RuleChange(reason, owner)
    if days not in {str(count) for count in DAYS}:
        raise ValidationError.at("/expires_at", "Choose one of the listed periods.")
    # A little less, so that the longest one is not refused for the time that the request takes.
    return RuleChange(reason, owner, utc_now() + timedelta(days=int(days), seconds=-60))


def _form(rule_id: str, entry: FormEntry) -> str:
    rule = read_rule(current_context(), current_principal(), rule_id)
    return render_template("drift/rules_edit.html", rule=rule, entry=entry)
