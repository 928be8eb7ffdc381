"""Which projects may use a cloud account, and so who sees it.

A grant joins an account and a project, not a person: who may make stacks in a project may make them
on every account that the project was granted. It cannot be withdrawn while stacks of the project
live on the account, so what runs for a stack need not ask again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, false, or_, select, true
from sqlalchemy.orm import Session

from app.domain.permissions import Right, ServiceRight
from app.errors import ConflictError, FieldProblem, ValidationError
from app.models import CloudAccount, CloudAccountProject, Project, Stack
from app.services import audit
from app.services.access import Principal, visible
from app.services.lookup import is_project
from app.services.work import Work

ALL = "all"
MAX_NAMED = 20
MAX_CHOICES = 1000


@dataclass(frozen=True)
class Grants:
    """The projects of an account: every one there is and will be, or those named by id or name."""

    is_all: bool = False
    projects: Sequence[str] = ()


def seen_accounts(principal: Principal) -> ColumnElement[bool]:
    """Return the SQL condition that keeps a list to the accounts that the caller may know of.

    Whoever manages accounts sees all; others those of the projects in which they see stacks.
    """
    if principal.may(ServiceRight.ACCOUNT_MANAGE):
        return true()
    if not principal.has_anywhere(Right.STACK_READ):
        return false()
    granted = exists().where(
        CloudAccountProject.account_id == CloudAccount.id,
        visible(principal, CloudAccountProject.project_id, Right.STACK_READ),
    )
    return or_(CloudAccount.for_all_projects, granted)


def granted_to(project_id: str) -> ColumnElement[bool]:
    """Return the SQL condition that keeps a list to the accounts that a project may use."""
    return or_(
        CloudAccount.for_all_projects,
        exists().where(
            CloudAccountProject.account_id == CloudAccount.id,
            CloudAccountProject.project_id == project_id,
        ),
    )


def account_for(
    session: Session, principal: Principal, project: Project, reference: str
) -> CloudAccount:
    """Return the cloud account with that id or name, for a stack of ``project`` that will use it.

    Nobody can delete it or withdraw the grant until the end of the caller's transaction.

    Raises:
        ValidationError: there is none that the project may use (pointer ``/cloud_account``).
    """
    account = session.scalar(_kept_account(), {"reference": reference})
    if account is not None:
        if account.for_all_projects:
            return account
        query = select(CloudAccount.id).where(CloudAccount.id == account.id, granted_to(project.id))
        if session.scalar(query) is not None:
            return account
        if principal.may(ServiceRight.ACCOUNT_MANAGE):
            raise ValidationError.at(
                "/cloud_account",
                f"Cloud account {account.name!r} is not granted to project {project.name!r}; grant "
                f"it with PATCH /cloud-accounts/{account.name} and its projects.",
            )
    raise ValidationError.at(
        "/cloud_account", f"Project {project.name!r} has no cloud account {reference!r}."
    )


@cache  # putting it together takes as long as to ask
def _kept_account() -> Select[tuple[CloudAccount]]:
    is_it = or_(
        CloudAccount.id == bindparam("reference"), CloudAccount.name == bindparam("reference")
    )
    query = select(CloudAccount).where(is_it, CloudAccount.deleted_at.is_(None))
    return query.with_for_update(of=CloudAccount, read=True)


def read_grants(
    session: Session, principal: Principal, accounts: Iterable[CloudAccount]
) -> dict[str, Grants]:
    """Return the grants of each account by its id; of projects only those the caller can see."""
    found: dict[str, list[str]] = {row.id: [] for row in accounts}
    query = (
        select(CloudAccountProject.account_id, Project.id, Project.name)
        .join(Project, Project.id == CloudAccountProject.project_id)
        .where(CloudAccountProject.account_id.in_(found))
        .order_by(Project.name)
    )
    manages = principal.may(ServiceRight.ACCOUNT_MANAGE)
    for account_id, project_id, name in session.execute(query):
        if manages or principal.sees(project_id):
            found[account_id].append(name)
    return {row.id: Grants(row.for_all_projects, found[row.id]) for row in accounts}


def set_grants(work: Work, account: CloudAccount, wanted: Grants) -> bool:
    """Have exactly these projects use the account, which the caller has locked.

    Returns:
        Whether that is a change.

    Raises:
        ValidationError: there is no such project (``/projects/…``).
        ConflictError: stacks of a project that is to lose the account live on it.
    """
    projects = {} if wanted.is_all else _find_projects(work.session, wanted.projects)
    query = select(CloudAccountProject).where(CloudAccountProject.account_id == account.id)
    present = {row.project_id: row for row in work.session.scalars(query)}
    if wanted.is_all == account.for_all_projects and projects.keys() == present.keys():
        return False
    if not wanted.is_all:
        _refuse_used(work, account, projects)
    account.for_all_projects = wanted.is_all
    for project_id in projects.keys() - present.keys():
        work.session.add(CloudAccountProject(account_id=account.id, project_id=project_id))
        _audit(work, "cloud_account.grant", account, project_id)
    for project_id in present.keys() - projects.keys():
        work.session.delete(present[project_id])
        if not wanted.is_all:
            _audit(work, "cloud_account.revoke", account, project_id)
    work.session.flush()
    return True


def project_names(session: Session) -> Sequence[str]:
    """Return the names of the projects that an account may be granted to, for a form."""
    query = select(Project.name).where(Project.deleted_at.is_(None))
    return session.scalars(query.order_by(Project.name).limit(MAX_CHOICES)).all()


def forget_grants_of_project(session: Session, project_id: str) -> None:
    """Remove the grants of a project that is deleted."""
    session.execute(delete(CloudAccountProject).where(CloudAccountProject.project_id == project_id))


def forget_grants_of_account(session: Session, account: CloudAccount) -> None:
    """Remove the grants of an account that is deleted."""
    account.for_all_projects = False
    session.execute(delete(CloudAccountProject).where(CloudAccountProject.account_id == account.id))


def _find_projects(session: Session, references: Sequence[str]) -> dict[str, Project]:
    """Return the living projects with these ids or names, by id."""
    found: dict[str, Project] = {}
    problems = []
    for index, reference in enumerate(references):
        query = select(Project).where(is_project(reference), Project.deleted_at.is_(None))
        # Nobody may delete it before the grant is there.
        project = session.scalar(query.with_for_update(read=True, key_share=True))
        if project is None:
            problems.append(FieldProblem(f"/projects/{index}", "There is no such project."))
        else:
            found[project.id] = project
    if problems:
        raise ValidationError(problems[0].message, problems=tuple(problems))
    return found


def _refuse_used(work: Work, account: CloudAccount, kept: Mapping[str, Project]) -> None:
    living = (
        Stack.cloud_account_id == account.id,
        Stack.deleted_at.is_(None),
        Stack.project_id.not_in(kept),
    )
    if work.session.scalar(select(Stack.id).where(*living).limit(1)) is None:
        return
    named: Sequence[Stack] = ()
    if work.principal.has_anywhere(Right.STACK_READ):
        seen = visible(work.principal, Stack.project_id, Right.STACK_READ)
        query = select(Stack).where(*living, seen).order_by(Stack.id).limit(MAX_NAMED)
        named = work.session.scalars(query).unique().all()
    names = ", ".join(f"{row.name!r} of project {row.project.name!r}" for row in named)
    raise ConflictError(
        f"Projects that would lose cloud account {account.name!r} have stacks on it"
        f"{f': {names}' if names else ''}.",
        advice="Destroy these stacks first, or leave the account to their projects.",
        context={"stacks": [{"id": row.id, "name": row.name} for row in named]},
    )


def _audit(work: Work, action: str, account: CloudAccount, project_id: str) -> None:
    """Record a grant in the trail of the project, whose administrators see it."""
    audit.record(
        work,
        action,
        "cloud_account",
        account.id,
        project_id=project_id,
        name=account.name,
    )
