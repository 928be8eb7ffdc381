"""Projects: the list, one with its rules and members, make one, delete an empty one."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, render_template, url_for
from werkzeug.wrappers import Response

from app.console.confirmations import Confirmation, ask, ask_again, is_confirmed
from app.console.forms.entry import Entry, blank, choice, filled, sent, sent_version
from app.console.forms.fields import Field
from app.console.forms.windows import DAY_NAMES, window_fields
from app.console.list_requests import next_address, wanted_page
from app.console.notices import go_with_notice
from app.console.read_models.people import read_project, read_projects
from app.console.settings.members import member_entry
from app.console.words import AUTO_APPLY
from app.domain.change_windows import Effect
from app.domain.names import NAME_RULE
from app.domain.operations import AutoApply
from app.domain.permissions import ServiceRight
from app.errors import ConflictError, PreconditionFailedError, ValidationError
from app.http_errors import status_of
from app.models import Project
from app.services.access import require_service
from app.services.projects import (
    MAX_TITLE,
    NewProject,
    ProjectChange,
    change_project,
    create_project,
    delete_project,
)
from app.services.schedules import ProjectDrift
from app.web_context import current_context, current_principal

AS_INSTALLATION, NEVER, KEEP = "", "never", "keep"
WATCH = (
    (AS_INSTALLATION, "As often as this Landform does by default"),
    ("300", "Every 5 minutes"),
    ("3600", "Every hour"),
    ("21600", "Every 6 hours"),
    ("86400", "Every day"),
    (NEVER, "Not at all: the checks of all its stacks rest"),
)
NAME = Field(
    "/name",
    "text",
    "Name",
    help=f"{NAME_RULE}.",
    example="shop",
    is_required=True,
    is_immutable=True,
)
TITLE = Field("/title", "text", "Title", help="What people read instead of the name.")
AUTO = choice(
    "/auto_apply",
    "Apply without asking",
    AUTO_APPLY.items(),
    help_="For new stacks that do not say it themselves.",
)
CHECK_WINDOW = window_fields(
    {
        Effect.ALLOW: "Stacks are checked in it, and outside of such windows they are not",
        Effect.DENY: "Nothing is checked in it",
    }
)
AT_FORM = (ValidationError, ConflictError, PreconditionFailedError)


def add_pages(pages: Blueprint) -> None:
    """Add the pages to ``pages``."""
    base, one = "/settings/projects", "/settings/projects/<project>"
    pages.add_url_rule(base, view_func=list_own_projects)
    pages.add_url_rule(f"{base}/new", view_func=ask_for_project)
    pages.add_url_rule(f"{base}/new", view_func=make_project, methods=["POST"])
    pages.add_url_rule(one, view_func=show_project)
    pages.add_url_rule(one, view_func=change_rules, methods=["POST"])
    pages.add_url_rule(f"{one}/delete", view_func=confirm_project_delete)
    pages.add_url_rule(f"{one}/delete", view_func=delete_empty_project, methods=["POST"])


def list_own_projects() -> str:
    """List the projects that one can see."""
    page = read_projects(current_context(), current_principal(), wanted_page())
    following = next_address("console.list_own_projects", page.next_cursor, {})
    return render_template("settings/projects.html", page=page, next_page=following)


def ask_for_project() -> str:
    """Show the form of a new project."""
    require_service(current_principal(), ServiceRight.PROJECT_MANAGE)
    return render_template("settings/project_new.html", entry=blank((NAME, TITLE, AUTO)))


def make_project() -> Response | tuple[str, int]:
    """Make a project."""
    entry = sent((NAME, TITLE, AUTO))
    ctx, principal = current_context(), current_principal()
    require_service(principal, ServiceRight.PROJECT_MANAGE)
    try:
        wanted = NewProject(entry.text("/name"), _title(entry), _auto_apply(entry))
        with ctx.write() as session:
            project = create_project(session, ctx.settings, principal, wanted).id
    except AT_FORM as error:
        page = render_template("settings/project_new.html", entry=entry.after(error))
        return page, status_of(error)
    return go_with_notice("made", "console.show_project", project=project)


def show_project(project: str) -> str:
    """Show a project: its rules and members."""
    return project_page(project)


def change_rules(project: str) -> Response | tuple[str, int]:
    """Change the title and the rules."""
    entry = sent(_rule_fields(None))
    ctx = current_context()
    try:
        change = ProjectChange(_title(entry), _auto_apply(entry), _drift(entry))
        with ctx.write() as session:
            change_project(
                session,
                ctx.settings,
                current_principal(),
                project,
                change,
                expected_version=entry.version,
            )
    except AT_FORM as error:
        return project_page(project, entry.after(error)), status_of(error)
    return go_with_notice("saved", "console.show_project", project=project)


def confirm_project_delete(project: str) -> str:
    """Say what goes, and ask for the name."""
    return ask(_question(project))


def delete_empty_project(project: str) -> Response | tuple[str, int]:
    """Delete a project in which no stack lives, if its name was typed."""
    question = _question(project)
    if not is_confirmed(question):
        return ask_again(question)
    try:
        with current_context().write() as session:
            delete_project(session, current_principal(), project, sent_version())
    except (ConflictError, PreconditionFailedError) as error:
        return ask_again(question, error)
    return go_with_notice("deleted", "console.list_own_projects")


def project_page(project: str, entry: Entry | None = None, window: Entry | None = None) -> str:
    """Return the page of a project, with the form of its rules or of a window as it was sent."""
    page = read_project(current_context(), current_principal(), project, wanted_page())
    following = next_address("console.show_project", page.next_cursor, {"project": page.project.id})
    return render_template(
        "settings/project.html",
        page=page,
        entry=entry or _as_it_is(page.project),
        member_entry=member_entry(),
        window=replace(window or blank(CHECK_WINDOW), version=page.project.version),
        day_names=DAY_NAMES,
        next_page=following,
    )


def _as_it_is(row: Project) -> Entry:
    typed = {"/title": row.title, "/auto_apply": row.auto_apply, "/drift": _watched(row)}
    return filled(_rule_fields(row), typed, row.version)


def _rule_fields(row: Project | None) -> tuple[Field, ...]:
    """Return the fields of the rules; a rhythm that is not on offer can be kept."""
    options = list(WATCH)
    if row is None or _watched(row) == KEEP:
        rhythm = row and (row.drift_cron or f"every {row.drift_interval_seconds} s")
        options.append((KEEP, f"As it is: {rhythm}"))
    watch = choice("/drift", "Check for drift", options, help_="Stacks with a rhythm keep theirs.")
    return (TITLE, AUTO, watch)


def _watched(row: Project) -> str:
    """Return the choice that stands for how a project is watched at present."""
    if not row.drift_enabled:
        return NEVER
    known = str(row.drift_interval_seconds or AS_INSTALLATION)
    return known if row.drift_cron is None and known in dict(WATCH) else KEEP


def _title(entry: Entry) -> str:
    title = entry.text("/title")
    if len(title) > MAX_TITLE:
        raise ValidationError.at("/title", f"At most {MAX_TITLE} characters.")
    return title


def _auto_apply(entry: Entry) -> AutoApply:
    try:
        return AutoApply(entry.text("/auto_apply"))
    except ValueError as error:
        raise ValidationError.at("/auto_apply", "Choose one of those offered.") from error


def _drift(entry: Entry) -> ProjectDrift | None:
    wanted = entry.text("/drift")
    if wanted == KEEP:
        return None
    if wanted not in dict(WATCH):
        raise ValidationError.at("/drift", "Choose one of those offered.")
    if wanted == NEVER:
        return ProjectDrift(enabled=False)
    if wanted == AS_INSTALLATION:
        return ProjectDrift(enabled=True, is_default=True)
    return ProjectDrift(enabled=True, interval_seconds=int(wanted))


def _question(project: str) -> Confirmation:
    require_service(current_principal(), ServiceRight.PROJECT_MANAGE)
    page = read_project(current_context(), current_principal(), project, wanted_page())
    stacks = "1 stack lives" if page.stacks == 1 else f"{page.stacks} stacks live"
    return Confirmation(
        section="settings",
        title=f"Delete the project {page.project.name}?",
        lead="What happened in it stays in the audit trail.",
        verb="Delete the project",
        name=page.project.name,
        losses=(
            "All roles in it.",
            "The API tokens that are good in it only.",
            "Its webhooks with their deliveries.",
        ),
        target=url_for("console.delete_empty_project", project=page.project.id),
        back=url_for("console.show_project", project=page.project.id),
        version=page.project.version,
        hindrance=f"{stacks} in it. Destroy them first." if page.stacks else None,
    )
