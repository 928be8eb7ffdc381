"""Maintenance and change windows, of the whole service and of a project."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from flask import render_template
from werkzeug.wrappers import Response

from app.clock import utc_now
from app.console.projects.read_maintenance import read_control_page
from app.console.shell.forms.entry import AT_FORM, FormEntry, blank, choice, sent, sent_version
from app.console.shell.forms.fields import Field
from app.console.shell.forms.windows import DAY_NAMES, read_window, refused_window, window_fields
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.change_windows import Effect
from app.errors import NotFoundError, ValidationError
from app.services.projects.change_control import ControlChange, Maintenance, change_control
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

MAX_REASON = 500
HOURS = {"1": "1 hour", "2": "2 hours", "4": "4 hours", "8": "8 hours", "24": "24 hours"}
UNTIL_LIFTED = "lifted"
EFFECTS = {Effect.ALLOW: "Allow changes only in these windows", Effect.DENY: "Block changes"}
MAINTENANCE = (
    Field(
        "/maintenance/reason",
        "text",
        "Reason",
        help="Shown on operations that wait.",
        is_required=True,
    ),
    choice(
        "/maintenance/until", "Duration", [*HOURS.items(), (UNTIL_LIFTED, "Until ended manually")]
    ),
)
WINDOW = window_fields(EFFECTS)


@pages.get("/settings/maintenance")
@pages.get("/settings/projects/<project>/maintenance")
def show_control(project: str | None = None) -> str:
    """Show whether changes are applied now, and the rules that decide it."""
    return _page(project)


@pages.post("/settings/maintenance/begin")
@pages.post("/settings/projects/<project>/maintenance/begin")
def begin_maintenance(project: str | None = None) -> Response | tuple[str, int]:
    """Stop applying for a time."""
    entry = sent(MAINTENANCE)
    try:
        _change(project, ControlChange(maintenance=_maintenance(entry)))
    except AT_FORM as error:
        return _page(project, maintenance=entry.after(error)), status_of(error)
    return _go("maintenance-on", project)


@pages.post("/settings/maintenance/end")
@pages.post("/settings/projects/<project>/maintenance/end")
def end_maintenance(project: str | None = None) -> Response:
    """Go on applying."""
    _change(project, ControlChange(ends_maintenance=True))
    return _go("maintenance-off", project)


@pages.post("/settings/maintenance/windows")
@pages.post("/settings/projects/<project>/maintenance/windows")
def add_window(project: str | None = None) -> Response | tuple[str, int]:
    """Add a weekly window."""
    entry = sent(WINDOW)
    windows = read_control_page(current_context(), current_principal(), project).control.windows
    try:
        _change(project, ControlChange(windows=[*windows, read_window(entry)]))
    except AT_FORM as error:
        shown = refused_window(entry, error)
        return _page(project, window=shown), status_of(error)
    return _go("saved", project)


@pages.post("/settings/maintenance/windows/<int:number>/remove")
@pages.post("/settings/projects/<project>/maintenance/windows/<int:number>/remove")
def remove_window(number: int, project: str | None = None) -> Response:
    """Remove the window with that number; its form knows the version that the number is from."""
    windows = read_control_page(current_context(), current_principal(), project).control.windows
    if number >= len(windows):
        raise NotFoundError("There is no such change window.")
    _change(project, ControlChange(windows=windows[:number] + windows[number + 1 :]))
    return _go("saved", project)


def _change(project: str | None, change: ControlChange) -> None:
    with perform() as work:
        change_control(work, project, change, expected_version=sent_version())


def _go(notice: str, project: str | None) -> Response:
    place = {} if project is None else {"project": project}
    return go_with_notice(notice, "console.show_control", **place)


def _maintenance(entry: FormEntry) -> Maintenance:
    reason = entry.short("/maintenance/reason", "a reason", MAX_REASON)
    hours = entry.text("/maintenance/until")
    if hours == UNTIL_LIFTED:
        return Maintenance(reason)
    if hours not in HOURS:
        raise ValidationError.at("/maintenance/until", "Choose one of the listed options.")
    return Maintenance(reason, utc_now() + timedelta(hours=int(hours)))


def _page(
    project: str | None, maintenance: FormEntry | None = None, window: FormEntry | None = None
) -> str:
    page = read_control_page(current_context(), current_principal(), project)
    return render_template(
        "projects/maintenance.html",
        page=page,
        place={} if project is None else {"project": project},
        day_names=DAY_NAMES,
        maintenance=replace(maintenance or blank(MAINTENANCE), version=page.control.version),
        window=replace(window or blank(WINDOW), version=page.control.version),
    )
