"""Where a new stack may go, and which stacks it may refer to: the choices of a form."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.catalog.catalog import Cloud, KindBlueprint, Region
from app.domain.permissions import Right
from app.models import CloudAccount, Project, Stack
from app.services.access import Principal
from app.services.cloud_accounts.grants import granted_to
from app.services.stacks.references import USABLE

MAX_CHOICES = 500


def writable_projects(session: Session, principal: Principal) -> list[Project]:
    """Return the projects in which the caller may make stacks, by name."""
    projects = session.scalars(
        select(Project).where(Project.deleted_at.is_(None)).order_by(Project.name)
    )
    return [row for row in projects if principal.has(Right.STACK_WRITE, row.id)]


def accounts_for(
    session: Session, blueprint: KindBlueprint, project_id: str
) -> Sequence[CloudAccount]:
    """Return the accounts that a project may use and on which the kind is offered, by name."""
    query = select(CloudAccount).where(
        CloudAccount.cloud.in_(blueprint.clouds),
        CloudAccount.deleted_at.is_(None),
        granted_to(project_id),
    )
    return session.scalars(query.order_by(CloudAccount.name)).all()


def regions_of(cloud: Cloud, account: CloudAccount) -> list[Region]:
    """Return the regions of the cloud that the account allows."""
    allowed = set(account.regions) or set(cloud.regions)
    return [region for region in cloud.regions.values() if region.name in allowed]


def usable_stacks(
    session: Session, kinds: Sequence[str], project_id: str, cloud_account_id: str
) -> Sequence[Stack]:
    """Return the stacks of these kinds whose outputs a new stack beside them may take, by name."""
    query = (
        select(Stack)
        .where(
            Stack.kind.in_(kinds),
            Stack.project_id == project_id,
            Stack.cloud_account_id == cloud_account_id,
            Stack.deleted_at.is_(None),
            Stack.status.in_(sorted(USABLE)),
            Stack.applied_generation > 0,
        )
        .order_by(Stack.name)
        .limit(MAX_CHOICES)
    )
    return session.scalars(query).unique().all()
