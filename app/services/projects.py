"""Projects: make one, change its rules, delete it once it is empty.

Each function works inside the caller's transaction and returns what it changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.names import NAME_RULE, is_name
from app.domain.operations import AutoApply
from app.domain.permissions import Right, ServiceRight
from app.errors import (
    ConflictError,
    NameTakenError,
    PreconditionFailedError,
    ValidationError,
)
from app.models import ApiToken, Project, ProjectMember, Stack
from app.services import audit
from app.services.access import Principal, require_service, visible
from app.services.api_tokens import revoke_tokens
from app.services.lookup import project_named
from app.services.pages import Page, PageRequest, fetch_page
from app.services.schedules import ProjectDrift, change_project_drift
from app.services.webhooks.registry import delete_webhooks_of
from app.settings import Settings

MAX_NAMED = 20
MAX_TITLE = 200


@dataclass(frozen=True)
class NewProject:
    """What an administrator asks for."""

    name: str
    title: str = ""
    auto_apply: AutoApply = AutoApply.ALWAYS
    drift: ProjectDrift | None = None


@dataclass(frozen=True)
class ProjectChange:
    """What is wanted otherwise; ``None`` leaves a thing as it is."""

    title: str | None = None
    auto_apply: AutoApply | None = None
    drift: ProjectDrift | None = None


def list_projects(session: Session, principal: Principal, page: PageRequest) -> Page[Project]:
    """Return the projects that the caller can see, newest first."""
    query = select(Project).where(
        visible(principal, Project.id, Right.PROJECT_READ), Project.deleted_at.is_(None)
    )
    return fetch_page(session, query, Project.id, page, newest_first=True)


def create_project(
    session: Session, settings: Settings, principal: Principal, wanted: NewProject
) -> Project:
    """Make a project without members.

    Raises:
        PermissionDeniedError: the caller lacks ``project:manage``.
        ValidationError: the name is none, or how drift is watched is not acceptable.
        NameTakenError: a living project has it.
    """
    require_service(principal, ServiceRight.PROJECT_MANAGE)
    if not is_name(wanted.name):
        raise ValidationError.at("/name", f"A name has {NAME_RULE}.")
    project = Project(
        id=ids.new_id(ids.PROJECT),
        name=wanted.name,
        title=wanted.title,
        auto_apply=wanted.auto_apply.value,
        drift_enabled=True,
        drift_windows=[],
        created_at=utc_now(),
        version=1,
    )
    if wanted.drift is not None:
        change_project_drift(session, settings, project, wanted.drift)
    session.add(project)
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError.at("/name", f"There is a project {wanted.name!r} already.") from error
    _audit(session, principal, "project.create", project, name=wanted.name)
    return project


def change_project(
    session: Session,
    settings: Settings,
    principal: Principal,
    reference: str,
    change: ProjectChange,
    *,
    expected_version: int | None = None,
) -> Project:
    """Change the title or the rules of a project.

    Raises:
        NotFoundError, PermissionDeniedError: as ``project_named``; needs ``project:write``.
        PreconditionFailedError: it is no longer at ``expected_version``.
        ValidationError: how drift is watched is not acceptable.
    """
    project = project_named(session, principal, reference, Right.PROJECT_WRITE, is_locked=True)
    check_version(project, expected_version)
    wanted = {"title": change.title, "auto_apply": change.auto_apply}
    values = {
        name: value
        for name, value in wanted.items()
        if value is not None and value != getattr(project, name)
    }
    for name, value in values.items():
        setattr(project, name, str(value))
    changed = list(values)
    if change.drift and change_project_drift(session, settings, project, change.drift):
        changed.append("drift")
    if changed:
        project.version += 1
        _audit(session, principal, "project.change", project, changed=sorted(changed))
    return project


def delete_project(
    session: Session, principal: Principal, reference: str, expected_version: int | None
) -> None:
    """Delete a project that holds no living stack; its name becomes free.

    Raises:
        NotFoundError: there is none that the caller can see.
        PermissionDeniedError: the caller lacks ``project:manage``.
        PreconditionFailedError: it is no longer at ``expected_version``.
        ConflictError: stacks live in it; ``context`` names some.
    """
    project = project_named(session, principal, reference, Right.PROJECT_READ, is_locked=True)
    require_service(principal, ServiceRight.PROJECT_MANAGE)
    check_version(project, expected_version)
    _refuse_with_stacks(session, project)
    _audit(session, principal, "project.delete", project, name=project.name)
    for member in session.scalars(
        select(ProjectMember).where(ProjectMember.project_id == project.id)
    ):
        session.delete(member)
    revoke_tokens(session, ApiToken.project_id == project.id, "project deleted")
    delete_webhooks_of(session, principal, project.id)
    # Its stacks' history refers to the row, so it stays; an id is a name that nobody can choose.
    project.title = (project.title or project.name)[:MAX_TITLE]
    project.name, project.deleted_at = project.id, utc_now()
    project.version += 1


def check_version(project: Project, expected_version: int | None) -> None:
    """Raise unless the project is still at the version that the caller read.

    Raises:
        PreconditionFailedError: somebody changed it meanwhile.
    """
    if expected_version is not None and project.version != expected_version:
        raise PreconditionFailedError(
            f"Project {project.name!r} is at version {project.version}, not {expected_version}."
        )


def _refuse_with_stacks(session: Session, project: Project) -> None:
    query = select(Stack.id, Stack.name).where(
        Stack.project_id == project.id, Stack.deleted_at.is_(None)
    )
    found = session.execute(query.order_by(Stack.name).limit(MAX_NAMED)).all()
    if found:
        names = ", ".join(name for _, name in found[:3])
        raise ConflictError(
            f"Stacks live in project {project.name!r}: {names}{', …' if len(found) > 3 else ''}.",
            advice="Delete its stacks first.",
            context={"stacks": [{"id": stack_id, "name": name} for stack_id, name in found]},
        )


def _audit(
    session: Session, principal: Principal, action: str, project: Project, **detail: Any
) -> None:
    audit.record(session, principal, action, "project", project.id, project_id=project.id, **detail)
