"""What a person does about drift: acknowledge it, hide it for a time, undo it, take it over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.drift import SWEEP
from app.console.guard import local_path
from app.console.list_requests import MAX_TEXT, wanted_form_choice
from app.console.read_models.drift_actions import FindingPage, read_finding, read_mending
from app.domain.drift import DriftStatus
from app.domain.drift_rules import MAX_PATTERN, MAX_REASON
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.errors import NotFoundError, ValidationError
from app.services.drift import acknowledgements
from app.services.drift.checks import CheckFilter, check_many
from app.services.drift.rules import delete_rule
from app.services.operations import request_operation
from app.web_context import current_context, current_principal

LIVES = {"1": "A day", "7": "A week", "30": "30 days", "90": "90 days", "365": "A year"}
MAX_VERSION_DIGITS = 10
MENDINGS = {"reconcile": OperationType.RECONCILE, "accept": OperationType.ACCEPT_DRIFT}


def add_pages(pages: Blueprint) -> None:
    """Add the pages and decisions to ``pages``."""
    one = "/drift/findings/<finding_id>"
    pages.add_url_rule("/drift/checks", view_func=check_filter, methods=["POST"])
    pages.add_url_rule(one, view_func=show_finding)
    for decision in (acknowledge, withdraw, ignore):
        rule = f"{one}/{decision.__name__}"
        pages.add_url_rule(rule, view_func=decision, methods=["POST"])
    pages.add_url_rule("/drift/rules/<rule_id>/end", view_func=end_rule, methods=["POST"])
    mending = "/stacks/<stack_id>/drift/<choice>"
    pages.add_url_rule(mending, view_func=confirm_mending)
    pages.add_url_rule(mending, view_func=mend, methods=["POST"])


def check_filter() -> Response:
    """Have the stacks of a filter checked, and say on the same page what became of it."""
    chosen = {name: _text(name) for name in ("project", "kind", "cloud")}
    status = wanted_form_choice("verdict", list(DriftStatus))
    with current_context().write() as session:
        sweep = check_many(session, current_principal(), CheckFilter(**chosen, status=status))
    told = dict(zip(SWEEP, (sweep.due, sweep.already_queued, sweep.not_watched), strict=True))
    address: dict[str, Any] = {**chosen, **told}
    return redirect(url_for("console.show_drift", verdict=status, **address), 303)


def show_finding(finding_id: str) -> str:
    """Show one finding with what may be done about it."""
    page = read_finding(current_context(), current_principal(), finding_id)
    return _render(page, {}, None)


def acknowledge(finding_id: str) -> Response:
    """Note that the caller knows of a finding."""
    with current_context().write() as session:
        acknowledgements.acknowledge(session, current_principal(), finding_id, _text("note"))
    return _back(finding_id)


def withdraw(finding_id: str) -> Response:
    """Take an acknowledgement back."""
    with current_context().write() as session:
        acknowledgements.withdraw(session, current_principal(), finding_id)
    return _back(finding_id)


def ignore(finding_id: str) -> Response | tuple[str, int]:
    """Hide a finding for a time; what was typed wrongly comes back."""
    ctx, principal = current_context(), current_principal()
    try:
        reason = _text("reason", MAX_REASON)
        if reason is None:
            raise ValidationError.at("/reason", "Say why it may be hidden.")
        days = wanted_form_choice("days", list(LIVES)) or "30"
        with ctx.write() as session:
            acknowledgements.ignore(
                session,
                principal,
                finding_id,
                reason,
                path=_text("path", MAX_PATTERN),
                expires_at=utc_now() + timedelta(days=int(days)),
            )
    except ValidationError as error:
        page = read_finding(ctx, principal, finding_id)
        return _render(page, request.form.to_dict(), error), 422
    return _back(finding_id)


def end_rule(rule_id: str) -> Response:
    """End an ignore rule as the page showed it: what it hid is seen again at once."""
    version = request.form.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < MAX_VERSION_DIGITS):
        raise ValidationError.at("/version", "Say which version of the rule you saw.")
    with current_context().write() as session:
        delete_rule(session, current_principal(), rule_id, int(version))
    return redirect(local_path(request.form.get("next")), 303)


def confirm_mending(stack_id: str, choice: str) -> str:
    """Say what reconciling or accepting would do, and ask."""
    _mending(choice)
    page = read_mending(current_context(), current_principal(), stack_id)
    return render_template("drift/mend.html", page=page, choice=choice)


def mend(stack_id: str, choice: str) -> Response:
    """Queue the reconciliation or the acceptance of the drift that was shown."""
    options = PlanOptions(report_id=request.form.get("report_id"))
    with current_context().write() as session:
        _, operation = request_operation(
            session, current_principal(), stack_id, _mending(choice), options
        )
        operation_id = operation.id
    return redirect(url_for("console.show_operation", operation_id=operation_id), 303)


def _mending(choice: str) -> OperationType:
    if choice not in MENDINGS:
        raise NotFoundError("There is no such page.")
    return MENDINGS[choice]


def _render(page: FindingPage, typed: dict[str, str], error: ValidationError | None) -> str:
    problems = {item.pointer: item.message for item in error.problems} if error else {}
    return render_template(
        "drift/finding.html", page=page, typed=typed, problems=problems, lives=LIVES
    )


def _text(name: str, length: int = MAX_TEXT) -> str | None:
    """Return the text of a field, or ``None`` when it is empty.

    Raises:
        ValidationError: it is longer than the field takes.
    """
    text = request.form.get(name, "").strip()
    if len(text) > length:
        raise ValidationError.at(f"/{name}", f"Write at most {length} characters.")
    return text or None


def _back(finding_id: str) -> Response:
    """Return to the page that held the form: a list when it says so, else the finding's own."""
    target = request.form.get("next")
    own = url_for("console.show_finding", finding_id=finding_id)
    return redirect(local_path(target) if target else own, 303)
