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
    ValidationError,
)
from app.models import ApiToken, Project, ProjectMember, Stack
from app.services import audit
from app.services.access import Principal, require_service, visible
from app.services.cloud_accounts.grants import forget_grants_of_project
from app.services.identity.api_tokens import revoke_tokens
from app.services.lookup import expect_version, project_named
from app.services.paging import Page, PageRequest, fetch_page
from app.services.schedules.settings import ProjectDrift, change_project_drift
from app.services.webhooks.registry import delete_webhooks_of
from app.services.work import Work

MAX_NAMED = 20
MAX_TITLE = 200


@dataclass(frozen=True)
class NewProject:
    """What an administrator asks for."""

    name: str
    title: str = ""
    auto_apply: AutoApply = AutoApply.ALWAYS
    drift: ProjectDrift | None = None
    approval_not_by_requester: bool = False


@dataclass(frozen=True)
class ProjectChange:
    """What is wanted otherwise; ``None`` leaves a thing as it is."""

    title: str | None = None
    auto_apply: AutoApply | None = None
    drift: ProjectDrift | None = None
    approval_not_by_requester: bool | None = None


def list_projects(session: Session, principal: Principal, page: PageRequest) -> Page[Project]:
    """Return the projects that the caller can see, newest first."""
    query = select(Project).where(
        visible(principal, Project.id, Right.PROJECT_READ), Project.deleted_at.is_(None)
    )
    return fetch_page(session, query, Project.id, page, newest_first=True)


def create_project(work: Work, wanted: NewProject) -> Project:
    """Make a project without members.

    Raises:
        PermissionDeniedError: the caller lacks ``project:manage``.
        ValidationError: the name is none, or how drift is watched is not acceptable.
        NameTakenError: a living project has it.
    """
    require_service(work.principal, ServiceRight.PROJECT_MANAGE)
    if not is_name(wanted.name):
        raise ValidationError.at("/name", f"A name has {NAME_RULE}.")
    project = Project(
        id=ids.new_id(ids.PROJECT),
        name=wanted.name,
        title=wanted.title,
        auto_apply=wanted.auto_apply.value,
        approval_not_by_requester=wanted.approval_not_by_requester,
        drift_enabled=True,
        drift_windows=[],
        created_at=utc_now(),
        version=1,
    )
    if wanted.drift is not None:
        change_project_drift(work.session, work.ctx.settings, project, wanted.drift)
    work.session.add(project)
    try:
        work.session.flush()
    except IntegrityError as error:
        raise NameTakenError.at("/name", f"There is a project {wanted.name!r} already.") from error
    _audit(work, "project.create", project, name=wanted.name)
    return project


def change_project(
    work: Work,
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
    project = project_named(
        work.session, work.principal, reference, Right.PROJECT_WRITE, is_locked=True
    )
    expect_version(f"Project {project.name!r}", project.version, expected_version)
    wanted = {"title": change.title, "auto_apply": change.auto_apply}
    values = {
        name: value
        for name, value in wanted.items()
        if value is not None and value != getattr(project, name)
    }
    for name, value in values.items():
        setattr(project, name, str(value))
    changed = list(values)
    if change.approval_not_by_requester not in (None, project.approval_not_by_requester):
        project.approval_not_by_requester = bool(change.approval_not_by_requester)
        changed.append("approval")
    if change.drift and change_project_drift(
        work.session, work.ctx.settings, project, change.drift
    ):
        changed.append("drift")
    if changed:
        project.version += 1
        _audit(work, "project.change", project, changed=sorted(changed))
    return project


def delete_project(work: Work, reference: str, expected_version: int | None) -> None:
    """Delete a project that holds no living stack; its name becomes free.

    Raises:
        NotFoundError: there is none that the caller can see.
        PermissionDeniedError: the caller lacks ``project:manage``.
        PreconditionFailedError: it is no longer at ``expected_version``.
        ConflictError: stacks live in it; ``context`` names some.
    """
    project = project_named(
        work.session, work.principal, reference, Right.PROJECT_READ, is_locked=True
    )
    require_service(work.principal, ServiceRight.PROJECT_MANAGE)
    expect_version(f"Project {project.name!r}", project.version, expected_version)
    _refuse_with_stacks(work.session, project)
    _audit(work, "project.delete", project, name=project.name)
    for member in work.session.scalars(
        select(ProjectMember).where(ProjectMember.project_id == project.id)
    ):
        work.session.delete(member)
    revoke_tokens(work.session, ApiToken.project_id == project.id, "project deleted")
    delete_webhooks_of(work, project.id)
    forget_grants_of_project(work.session, project.id)
    # Its stacks' history refers to the row, so it stays; an id is a name that nobody can choose.
    project.title = (project.title or project.name)[:MAX_TITLE]
    project.name, project.deleted_at = project.id, utc_now()
    project.version += 1


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


def _audit(work: Work, action: str, project: Project, **detail: Any) -> None:
    audit.record(work, action, "project", project.id, project_id=project.id, **detail)
