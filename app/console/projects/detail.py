"""Projects: the list, one with its rules and members, make one, delete an empty one."""

from __future__ import annotations

from dataclasses import replace

from flask import render_template, url_for
from werkzeug.wrappers import Response

from app.console.projects.members import member_entry
from app.console.projects.read import read_project
from app.console.shell.confirmation import Confirmation, ask, refuse_or_perform
from app.console.shell.forms.entry import (
    AT_FORM,
    FormEntry,
    blank,
    choice,
    filled,
    sent,
    sent_version,
)
from app.console.shell.forms.fields import Field
from app.console.shell.forms.values import ON
from app.console.shell.forms.windows import DAY_NAMES, window_fields
from app.console.shell.labels.stacks import AUTO_APPLY, CHECK_PERIOD
from app.console.shell.list_requests import next_address, wanted_page
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.domain.change_windows import Effect
from app.domain.operations import AutoApply
from app.domain.permissions import ServiceRight
from app.errors import ValidationError
from app.models import Project
from app.services.access import require_service
from app.services.projects.projects import MAX_TITLE, ProjectChange, change_project, delete_project
from app.services.schedules.settings import ProjectDrift
from app.web.context import current_context, current_principal, perform
from app.web.http_errors import status_of

AS_INSTALLATION, NEVER, KEEP = "", "never", "keep"
WATCH = (
    (AS_INSTALLATION, "Default of the installation"),
    *CHECK_PERIOD.items(),
    (NEVER, "Off for all stacks of the project"),
)
TITLE = Field("/title", "text", "Title", help="Shown instead of the name.")
AUTO = choice("/auto_apply", "Auto-apply", AUTO_APPLY.items(), help_="Default for new stacks.")
OTHERS = Field(
    "/approval/not_by_requester",
    "checkbox",
    "Require approval by another user",
    help="Every plan with changes must be approved by a user other than the requester, "
    "regardless of auto-apply.",
)
CHECK_WINDOW = window_fields(
    {Effect.ALLOW: "Allow checks only in these windows", Effect.DENY: "Block checks"}
)


@pages.get("/settings/projects/<project>")
def show_project(project: str) -> str:
    """Show a project: its rules and members."""
    return project_page(project)


@pages.post("/settings/projects/<project>")
def change_rules(project: str) -> Response | tuple[str, int]:
    """Change the title and the rules."""
    entry = sent(_rule_fields(None))
    try:
        change = ProjectChange(
            typed_title(entry),
            entry.one_of("/auto_apply", AutoApply),
            _drift(entry),
            entry.is_on(OTHERS.pointer),
        )
        with perform() as work:
            change_project(work, project, change, expected_version=entry.version)
    except AT_FORM as error:
        return project_page(project, entry.after(error)), status_of(error)
    return go_with_notice("saved", "console.show_project", project=project)


@pages.get("/settings/projects/<project>/delete")
def confirm_project_delete(project: str) -> str:
    """Say what goes, and ask for the name."""
    return ask(_question(project))


@pages.post("/settings/projects/<project>/delete")
def delete_empty_project(project: str) -> Response | tuple[str, int]:
    """Delete a project in which no stack lives, if its name was typed."""
    return refuse_or_perform(
        _question(project), lambda work: delete_project(work, project, sent_version())
    ) or go_with_notice("deleted", "console.list_own_projects")


def project_page(
    project: str, entry: FormEntry | None = None, window: FormEntry | None = None
) -> str:
    """Return the page of a project, with the form of its rules or of a window as it was sent."""
    page = read_project(current_context(), current_principal(), project, wanted_page())
    following = next_address("console.show_project", page.next_cursor, {"project": page.project.id})
    return render_template(
        "projects/detail.html",
        page=page,
        entry=entry or _as_it_is(page.project),
        member_entry=member_entry(),
        window=replace(window or blank(CHECK_WINDOW), version=page.project.version),
        day_names=DAY_NAMES,
        next_page=following,
    )


def _as_it_is(row: Project) -> FormEntry:
    typed = {
        "/title": row.title,
        "/auto_apply": row.auto_apply,
        OTHERS.pointer: ON if row.approval_not_by_requester else "",
        "/drift": _watched(row),
    }
    return filled(_rule_fields(row), typed, row.version)


def _rule_fields(row: Project | None) -> tuple[Field, ...]:
    """Return the fields of the rules; a rhythm that is not on offer can be kept."""
    options = list(WATCH)
    if row is None or _watched(row) == KEEP:
        rhythm = row and (row.drift_cron or f"every {row.drift_interval_seconds} s")
        options.append((KEEP, f"Keep: {rhythm}"))
    watch = choice(
        "/drift", "Drift checks", options, help_="Stacks with their own schedule keep it."
    )
    return (TITLE, AUTO, OTHERS, watch)


def _watched(row: Project) -> str:
    """Return the choice that stands for how a project is watched at present."""
    if not row.drift_enabled:
        return NEVER
    known = str(row.drift_interval_seconds or AS_INSTALLATION)
    return known if row.drift_cron is None and known in dict(WATCH) else KEEP


def typed_title(entry: FormEntry) -> str:
    """Return the title that was typed.

    Raises:
        ValidationError: it is too long.
    """
    title = entry.text("/title")
    if len(title) > MAX_TITLE:
        raise ValidationError.at("/title", f"At most {MAX_TITLE} characters.")
    return title


def _drift(entry: FormEntry) -> ProjectDrift | None:
    wanted = entry.text("/drift")
    if wanted == KEEP:
        return None
    if wanted not in dict(WATCH):
        raise ValidationError.at("/drift", "Choose one of the listed options.")
    if wanted == NEVER:
        return ProjectDrift(enabled=False)
    if wanted == AS_INSTALLATION:
        return ProjectDrift(enabled=True, is_default=True)
    return ProjectDrift(enabled=True, interval_seconds=int(wanted))


def _question(project: str) -> Confirmation:
    require_service(current_principal(), ServiceRight.PROJECT_MANAGE)
    page = read_project(current_context(), current_principal(), project, wanted_page())
    stacks = "1 stack exists" if page.stacks == 1 else f"{page.stacks} stacks exist"
    return Confirmation(
        section="settings",
        title=f"Delete the project {page.project.name}?",
        lead="Its history stays in the audit trail.",
        verb="Delete project",
        name=page.project.name,
        losses=(
            "All members lose their roles in it.",
            "API tokens limited to it are revoked.",
            "Its webhooks and their deliveries are deleted.",
        ),
        target=url_for("console.delete_empty_project", project=page.project.id),
        back=url_for("console.show_project", project=page.project.id),
        version=page.project.version,
        hindrance=f"{stacks} in it. Destroy them first." if page.stacks else None,
    )
