"""In which weekly windows the stacks of a project are checked for drift."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from app.console.projects.detail import CHECK_WINDOW, project_page
from app.console.shell.forms.entry import sent, sent_version
from app.console.shell.forms.windows import read_window, refused_window
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.permissions import Right
from app.errors import NotFoundError, PreconditionFailedError, ValidationError
from app.services.lookup import project_named
from app.services.projects.projects import ProjectChange, change_project
from app.services.schedules.settings import ProjectDrift
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of


@pages.post("/settings/projects/<project>/check-windows")
def add_check_window(project: str) -> Response | tuple[str, int]:
    """Add a weekly window."""
    entry = sent(CHECK_WINDOW)
    try:
        _change(project, [*_windows(project), read_window(entry)])
    except (ValidationError, PreconditionFailedError) as error:
        return project_page(project, window=refused_window(entry, error)), status_of(error)
    return go_with_notice("saved", "console.show_project", project=project)


@pages.post("/settings/projects/<project>/check-windows/<int:number>/remove")
def remove_check_window(project: str, number: int) -> Response:
    """Remove the window with that number; its form knows the version that the number is from."""
    windows = _windows(project)
    if number >= len(windows):
        raise NotFoundError("There is no such window.")
    _change(project, windows[:number] + windows[number + 1 :])
    return go_with_notice("saved", "console.show_project", project=project)


def _windows(project: str) -> list[dict[str, Any]]:
    with current_context().read() as session:
        row = project_named(session, current_principal(), project, Right.PROJECT_WRITE)
        return list(row.drift_windows)


def _change(project: str, windows: list[dict[str, Any]]) -> None:
    change = ProjectChange(drift=ProjectDrift(windows=windows))
    with perform() as work:
        change_project(work, project, change, expected_version=sent_version())
