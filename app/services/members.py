"""Who is a member of a project, with which role.

Each function works inside the caller's transaction.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Right, Role
from app.errors import NotFoundError
from app.models import Project, ProjectMember
from app.services import audit
from app.services.access import Principal
from app.services.lookup import project_named, user_named
from app.services.pages import Page, PageRequest, fetch_page


def list_members(
    session: Session, principal: Principal, reference: str, page: PageRequest
) -> Page[ProjectMember]:
    """Return the members of a project.

    Raises:
        NotFoundError: there is no such project that the caller can see.
    """
    project = project_named(session, principal, reference, Right.PROJECT_READ)
    query = select(ProjectMember).where(ProjectMember.project_id == project.id)
    return fetch_page(session, query, ProjectMember.user_id, page)


def set_member(
    session: Session, principal: Principal, reference: str, user_reference: str, role: Role
) -> ProjectMember:
    """Give a person a role in a project, instead of the one that he had there.

    Raises:
        NotFoundError: there is no such project that the caller can see, or no such user.
        PermissionDeniedError: the caller lacks ``member:write``.
    """
    project = project_named(session, principal, reference, Right.MEMBER_WRITE, is_locked=True)
    user = user_named(session, user_reference)
    member = session.get(ProjectMember, (project.id, user.id))
    if member is None:
        member = ProjectMember(project=project, user=user, role="")
        session.add(member)
    if member.role != role:
        _audit(session, principal, "member.set", member, project, role=role.value)
        member.role = role.value
    session.flush()
    return member


def remove_member(
    session: Session, principal: Principal, reference: str, user_reference: str
) -> None:
    """Take a person's role in a project away; it has effect at the person's next request.

    Raises:
        NotFoundError: there is no such project that the caller can see, or no such member.
        PermissionDeniedError: the caller lacks ``member:write``.
    """
    project = project_named(session, principal, reference, Right.MEMBER_WRITE, is_locked=True)
    user = user_named(session, user_reference)
    member = session.get(ProjectMember, (project.id, user.id))
    if member is None:
        raise NotFoundError(f"User {user.name!r} is no member of project {project.name!r}.")
    _audit(session, principal, "member.remove", member, project, role=member.role)
    session.delete(member)


def _audit(
    session: Session,
    principal: Principal,
    action: str,
    member: ProjectMember,
    project: Project,
    *,
    role: str,
) -> None:
    audit.record(
        session,
        principal,
        action,
        "user",
        member.user.id,
        project_id=project.id,
        user=member.user.name,
        role=role,
    )
