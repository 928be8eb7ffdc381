"""What the pages of projects show: the list, and one with its rules and members."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.domain.permissions import Right, ServiceRight
from app.models import Project, ProjectMember, Stack
from app.services.access import Principal
from app.services.context import Context
from app.services.lookup import project_named
from app.services.paging import PageRequest
from app.services.projects.members import list_members
from app.services.projects.projects import list_projects


@dataclass(frozen=True)
class ProjectRow:
    """A project in the list; ``role`` is one's own there."""

    id: str
    name: str
    title: str
    role: str | None
    members: int
    stacks: int


@dataclass(frozen=True)
class ProjectsPage:
    """One page of the projects that one can see."""

    projects: list[ProjectRow]
    next_cursor: str | None
    may_make: bool


@dataclass(frozen=True)
class MemberRow:
    """Somebody's role in a project."""

    user_id: str
    name: str
    role: str
    is_disabled: bool


@dataclass(frozen=True)
class ProjectPage:
    """One project: rules, members, and what one may do there."""

    project: Project
    stacks: int
    members: list[MemberRow]
    next_cursor: str | None
    may_write: bool
    may_set_members: bool
    may_delete: bool


def read_projects(ctx: Context, principal: Principal, page: PageRequest) -> ProjectsPage:
    """Read the projects that the caller can see."""
    with ctx.read() as session:
        found = list_projects(session, principal, page)
        ids = [row.id for row in found.items]
        stacks, members = _count_stacks(session, ids), _count_members(session, ids)
        rows = [_project_row(row, principal, stacks, members) for row in found.items]
        return ProjectsPage(rows, found.next_cursor, principal.may(ServiceRight.PROJECT_MANAGE))


def read_project(
    ctx: Context, principal: Principal, reference: str, page: PageRequest
) -> ProjectPage:
    """Read one project and a page of its members."""
    with ctx.read() as session:
        project = project_named(session, principal, reference, Right.PROJECT_READ)
        found = list_members(session, principal, reference, page)
        members = [
            MemberRow(row.user_id, row.user.name, row.role, row.user.disabled_at is not None)
            for row in found.items
        ]
        return ProjectPage(
            project=project,
            stacks=_count_stacks(session, [project.id]).get(project.id, 0),
            members=members,
            next_cursor=found.next_cursor,
            may_write=principal.has(Right.PROJECT_WRITE, project.id),
            may_set_members=principal.has(Right.MEMBER_WRITE, project.id),
            may_delete=principal.may(ServiceRight.PROJECT_MANAGE),
        )


def _project_row(
    row: Project, principal: Principal, stacks: dict[str, int], members: dict[str, int]
) -> ProjectRow:
    role = principal.roles.get(row.id)
    return ProjectRow(
        id=row.id,
        name=row.name,
        title=row.title or row.name,
        role=role.value if role else None,
        members=members.get(row.id, 0),
        stacks=stacks.get(row.id, 0),
    )


def _count_stacks(session: Session, ids: Sequence[str]) -> dict[str, int]:
    query = (
        select(Stack.project_id, func.count())
        .where(Stack.project_id.in_(ids), Stack.deleted_at.is_(None))
        .group_by(Stack.project_id)
    )
    return dict(session.execute(query).tuples().all())


def _count_members(session: Session, ids: Sequence[str]) -> dict[str, int]:
    query = (
        select(ProjectMember.project_id, func.count())
        .where(ProjectMember.project_id.in_(ids))
        .group_by(ProjectMember.project_id)
    )
    return dict(session.execute(query).tuples().all())
