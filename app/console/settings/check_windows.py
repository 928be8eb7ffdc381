"""In which weekly windows the clock checks the stacks of a project for drift."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from werkzeug.wrappers import Response

from app.console.forms.entry import sent, sent_version
from app.console.forms.windows import read_window, refused_window
from app.console.notices import go_with_notice
from app.console.settings.projects import CHECK_WINDOW, project_page
from app.domain.permissions import Right
from app.errors import NotFoundError, PreconditionFailedError, ValidationError
from app.http_errors import status_of
from app.services.lookup import project_named
from app.services.projects import ProjectChange, change_project
from app.services.schedules import ProjectDrift
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the forms to ``pages``."""
    base = "/settings/projects/<project>/check-windows"
    pages.add_url_rule(base, view_func=add_check_window, methods=["POST"])
    pages.add_url_rule(
        f"{base}/<int:number>/remove", view_func=remove_check_window, methods=["POST"]
    )


def add_check_window(project: str) -> Response | tuple[str, int]:
    """Add a weekly window."""
    entry = sent(CHECK_WINDOW)
    try:
        _change(project, [*_windows(project), read_window(entry)])
    except (ValidationError, PreconditionFailedError) as error:
        return project_page(project, window=refused_window(entry, error)), status_of(error)
    return go_with_notice("saved", "console.show_project", project=project)


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
    ctx, change = current_context(), ProjectChange(drift=ProjectDrift(windows=windows))
    with ctx.write() as session:
        change_project(
            session,
            ctx.settings,
            current_principal(),
            project,
            change,
            expected_version=sent_version(),
        )
