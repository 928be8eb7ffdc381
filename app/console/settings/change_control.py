"""Maintenance and change windows, of the whole service and of a project."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import Blueprint, render_template
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.forms.entry import Entry, blank, choice, sent, sent_version
from app.console.forms.fields import Field
from app.console.forms.windows import DAY_NAMES, read_window, refused_window, window_fields
from app.console.notices import go_with_notice
from app.console.read_models.change_control import read_control_page
from app.domain.change_windows import Effect
from app.errors import NotFoundError, PreconditionFailedError, ValidationError
from app.http_errors import status_of
from app.services.change_control import ControlChange, Maintenance, change_control
from app.web_context import current_context, current_principal

MAX_REASON = 500
HOURS = {"1": "1 hour", "2": "2 hours", "4": "4 hours", "8": "8 hours", "24": "a day"}
UNTIL_LIFTED = "lifted"
EFFECTS = {
    Effect.ALLOW: "Changes are applied in it, and outside of such windows they are not",
    Effect.DENY: "Nothing is applied in it",
}
MAINTENANCE = (
    Field("/maintenance/reason", "text", "Why", help="Who waits reads it.", is_required=True),
    choice("/maintenance/until", "For", [*HOURS.items(), (UNTIL_LIFTED, "until it is ended here")]),
)
WINDOW = window_fields(EFFECTS)
AT_FORM = (ValidationError, PreconditionFailedError)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``, once for the service and once for a project."""
    for base in ("/settings/maintenance", "/settings/projects/<project>/maintenance"):
        pages.add_url_rule(base, view_func=show_control)
        pages.add_url_rule(f"{base}/begin", view_func=begin_maintenance, methods=["POST"])
        pages.add_url_rule(f"{base}/end", view_func=end_maintenance, methods=["POST"])
        pages.add_url_rule(f"{base}/windows", view_func=add_window, methods=["POST"])
        pages.add_url_rule(
            f"{base}/windows/<int:number>/remove", view_func=remove_window, methods=["POST"]
        )


def show_control(project: str | None = None) -> str:
    """Show whether changes are applied now, and the rules that decide it."""
    return _page(project)


def begin_maintenance(project: str | None = None) -> Response | tuple[str, int]:
    """Stop applying for a time."""
    entry = sent(MAINTENANCE)
    try:
        _change(project, ControlChange(maintenance=_maintenance(entry)))
    except AT_FORM as error:
        return _page(project, maintenance=entry.after(error)), status_of(error)
    return _go("maintenance-on", project)


def end_maintenance(project: str | None = None) -> Response:
    """Go on applying."""
    _change(project, ControlChange(ends_maintenance=True))
    return _go("maintenance-off", project)


def add_window(project: str | None = None) -> Response | tuple[str, int]:
    """Add a weekly window."""
    entry = sent(WINDOW)
    windows = read_control_page(current_context(), current_principal(), project).windows
    try:
        _change(project, ControlChange(windows=[*windows, read_window(entry)]))
    except AT_FORM as error:
        shown = refused_window(entry, error)
        return _page(project, window=shown), status_of(error)
    return _go("saved", project)


def remove_window(number: int, project: str | None = None) -> Response:
    """Remove the window with that number; its form knows the version that the number is from."""
    windows = read_control_page(current_context(), current_principal(), project).windows
    if number >= len(windows):
        raise NotFoundError("There is no such change window.")
    _change(project, ControlChange(windows=windows[:number] + windows[number + 1 :]))
    return _go("saved", project)


def _change(project: str | None, change: ControlChange) -> None:
    with current_context().write() as session:
        change_control(
            session, current_principal(), project, change, expected_version=sent_version()
        )


def _go(notice: str, project: str | None) -> Response:
    place = {} if project is None else {"project": project}
    return go_with_notice(notice, "console.show_control", **place)


def _maintenance(entry: Entry) -> Maintenance:
    reason, hours = (entry.text(item.pointer) for item in MAINTENANCE)
    if not 0 < len(reason) <= MAX_REASON:
        message = f"Say why, in at most {MAX_REASON} characters."
        raise ValidationError.at("/maintenance/reason", message)
    if hours == UNTIL_LIFTED:
        return Maintenance(reason)
    if hours not in HOURS:
        raise ValidationError.at("/maintenance/until", "Choose one of those offered.")
    return Maintenance(reason, utc_now() + timedelta(hours=int(hours)))


def _page(
    project: str | None, maintenance: Entry | None = None, window: Entry | None = None
) -> str:
    page = read_control_page(current_context(), current_principal(), project)
    return render_template(
        "settings/maintenance.html",
        page=page,
        place={} if project is None else {"project": project},
        day_names=DAY_NAMES,
        maintenance=replace(maintenance or blank(MAINTENANCE), version=page.version),
        window=replace(window or blank(WINDOW), version=page.version),
    )
