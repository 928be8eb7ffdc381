"""What a person does about drift: acknowledge it, hide it for a time, undo it, take it over."""

from __future__ import annotations

from datetime import timedelta

from flask import render_template, request, url_for
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.drift.read_finding import FindingPage, read_finding
from app.console.shell.guard import local_path
from app.console.shell.list_requests import wanted_form_choice, wanted_form_text
from app.console.shell.notices import go_back_with_notice
from app.console.shell.pages import pages
from app.domain.drift_rules import MAX_PATTERN, MAX_REASON
from app.errors import ValidationError
from app.services.drift import acknowledgements
from app.web.context import current_context, current_principal, perform

LIVES = {"1": "1 day", "7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
MAX_VERSION_DIGITS = 10


@pages.get("/drift/findings/<finding_id>")
def show_finding(finding_id: str) -> str:
    """Show one finding with what may be done about it."""
    page = read_finding(current_context(), current_principal(), finding_id)
    return _render(page, {}, None)


@pages.post("/drift/findings/<finding_id>/acknowledge")
def acknowledge(finding_id: str) -> Response:
    """Note that the caller knows of a finding."""
    with perform() as work:
        acknowledgements.acknowledge(work, finding_id, wanted_form_text("note"))
    return _back(finding_id, "acknowledged")


@pages.post("/drift/findings/<finding_id>/withdraw")
def withdraw(finding_id: str) -> Response:
    """Take an acknowledgement back."""
    with perform() as work:
        acknowledgements.withdraw(work, finding_id)
    return _back(finding_id, "unacknowledged")


@pages.post("/drift/findings/<finding_id>/ignore")
def ignore(finding_id: str) -> Response | tuple[str, int]:
    """Hide a finding for a time; what was typed wrongly comes back."""
    ctx, principal = current_context(), current_principal()
    try:
        reason = wanted_form_text("reason", MAX_REASON)
        if reason is None:
            raise ValidationError.at("/reason", "Enter a reason.")
        days = wanted_form_choice("days", list(LIVES)) or "30"
        with perform() as work:
            acknowledgements.ignore(
                work,
                finding_id,
                reason,
                path=wanted_form_text("path", MAX_PATTERN),
                expires_at=utc_now() + timedelta(days=int(days)),
            )
    except ValidationError as error:
        page = read_finding(ctx, principal, finding_id)
        return _render(page, request.form.to_dict(), error), 422
    return _back(finding_id, "ignored")


def _render(page: FindingPage, typed: dict[str, str], error: ValidationError | None) -> str:
    problems = {item.pointer: item.message for item in error.problems} if error else {}
    return render_template(
        "drift/finding.html", page=page, typed=typed, problems=problems, lives=LIVES
    )


def _back(finding_id: str, notice: str) -> Response:
    """Return to the page that held the form: a list when it says so, else the finding's own."""
    target = request.form.get("next")
    own = url_for("console.show_finding", finding_id=finding_id)
    return go_back_with_notice(notice, local_path(target) if target else own)
