"""Who is a member of a project, with which role.

Each function works inside the caller's transaction.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.permissions import Act, Right, Role
from app.errors import NotFoundError
from app.models import Project, ProjectMember
from app.services import audit
from app.services.access import Principal, require_proof
from app.services.identity.revocation import end_project_access
from app.services.lookup import project_named, user_named
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work


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


def set_member(work: Work, reference: str, user_reference: str, role: Role) -> ProjectMember:
    """Give a person a role in a project, instead of the one that he had there.

    Raises:
        NotFoundError: there is no such project that the caller can see, or no such user.
        PermissionDeniedError: the caller lacks ``member:write``.
        ConfirmationRequiredError: it is about the role ``admin``, which takes a person.
    """
    project = project_named(
        work.session, work.principal, reference, Right.MEMBER_WRITE, is_locked=True
    )
    user = user_named(work.session, user_reference)
    member = work.session.get(ProjectMember, (project.id, user.id))
    if member is None:
        member = ProjectMember(project=project, user=user, role="")
        work.session.add(member)
    if member.role != role:
        _require_proof(work.principal, member.role, role)
        _audit(work, "member.set", member, project, role=role.value)
        member.role = role.value
    work.session.flush()
    return member


def remove_member(work: Work, reference: str, user_reference: str) -> None:
    """Take a person's role in a project away; it has effect at the person's next request.

    The person's API tokens for this project alone end with it.

    Raises:
        NotFoundError: there is no such project that the caller can see, or no such member.
        PermissionDeniedError: the caller lacks ``member:write``.
        ConfirmationRequiredError: the role is ``admin``, which takes a person.
    """
    project = project_named(
        work.session, work.principal, reference, Right.MEMBER_WRITE, is_locked=True
    )
    user = user_named(work.session, user_reference)
    member = work.session.get(ProjectMember, (project.id, user.id))
    if member is None:
        raise NotFoundError(f"User {user.name!r} is no member of project {project.name!r}.")
    _require_proof(work.principal, member.role)
    _audit(work, "member.remove", member, project, role=member.role)
    work.session.delete(member)
    if not user.is_admin:
        end_project_access(work.session, user.id, project.id)


def _require_proof(principal: Principal, *roles: str) -> None:
    if Role.ADMIN in roles:
        require_proof(principal, Act.GRANT_PROJECT_ADMINISTRATION)


def _audit(
    work: Work,
    action: str,
    member: ProjectMember,
    project: Project,
    *,
    role: str,
) -> None:
    audit.record(
        work,
        action,
        "user",
        member.user.id,
        project_id=project.id,
        user=member.user.name,
        role=role,
    )
