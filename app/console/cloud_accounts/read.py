"""What the pages of cloud accounts show; never a credential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.catalog.catalog import Cloud
from app.domain.permissions import Right, ServiceRight
from app.models import CloudAccount, Stack
from app.services.access import Principal, visible
from app.services.cloud_accounts.accounts import cloud_account, list_cloud_accounts
from app.services.cloud_accounts.grants import Grants, read_grants
from app.services.context import Context
from app.services.paging import PageRequest

MOST_STACKS = 50


@dataclass(frozen=True)
class AccountRow:
    """One account; ``regions`` are those that it allows, ``stacks`` those that live on it.

    Of its projects and stacks only those are told that one can see.
    """

    id: str
    name: str
    cloud: str
    cloud_title: str
    regions: list[str]
    default_region: str | None
    allows_all_regions: bool
    check: str
    check_detail: str | None
    checked_at: datetime | None
    created_at: datetime
    stacks: int
    version: int
    grants: Grants


@dataclass(frozen=True)
class AccountsPage:
    """One page of the accounts."""

    accounts: list[AccountRow]
    next_cursor: str | None
    may_manage: bool


@dataclass(frozen=True)
class CloudAccountPage:
    """One account and the stacks on it that one can see."""

    account: AccountRow
    cloud: Cloud | None
    stacks: Sequence[Stack]
    may_manage: bool


def read_accounts(ctx: Context, principal: Principal, page: PageRequest) -> AccountsPage:
    """Read the accounts, oldest first."""
    with ctx.read() as session:
        found = list_cloud_accounts(session, principal, page)
        counts = _count_stacks(session, principal, [row.id for row in found.items])
        granted = read_grants(session, principal, found.items)
        rows = [_row(ctx, row, counts, granted[row.id]) for row in found.items]
        return AccountsPage(rows, found.next_cursor, principal.may(ServiceRight.ACCOUNT_MANAGE))


def read_cloud_account(ctx: Context, principal: Principal, account_id: str) -> CloudAccountPage:
    """Read one account."""
    with ctx.read() as session:
        row = cloud_account(session, principal, account_id)
        counts = _count_stacks(session, principal, [row.id])
        granted = read_grants(session, principal, [row])
        query = select(Stack).where(
            Stack.cloud_account_id == row.id,
            Stack.deleted_at.is_(None),
            visible(principal, Stack.project_id, Right.STACK_READ),
        )
        return CloudAccountPage(
            account=_row(ctx, row, counts, granted[row.id]),
            cloud=ctx.catalog.clouds.get(row.cloud),
            stacks=session.scalars(query.order_by(Stack.id).limit(MOST_STACKS)).unique().all(),
            may_manage=principal.may(ServiceRight.ACCOUNT_MANAGE),
        )


def _row(ctx: Context, row: CloudAccount, counts: dict[str, int], grants: Grants) -> AccountRow:
    cloud = ctx.catalog.clouds.get(row.cloud)
    offered = list(cloud.regions) if cloud else []
    return AccountRow(
        id=row.id,
        name=row.name,
        cloud=row.cloud,
        cloud_title=cloud.title if cloud else row.cloud,
        regions=list(row.regions) or offered,
        default_region=row.default_region,
        allows_all_regions=not row.regions,
        check=_check(row),
        check_detail=row.check_detail,
        checked_at=row.checked_at,
        created_at=row.created_at,
        stacks=counts.get(row.id, 0),
        version=row.version,
        grants=grants,
    )


def _check(row: CloudAccount) -> str:
    if row.checked_at is None:
        return "not_checked"
    return {True: "passed", False: "failed", None: "unknown"}[row.check_passed]


def _count_stacks(session: Session, principal: Principal, ids: list[str]) -> dict[str, int]:
    query = (
        select(Stack.cloud_account_id, func.count())
        .where(
            Stack.cloud_account_id.in_(ids),
            Stack.deleted_at.is_(None),
            visible(principal, Stack.project_id, Right.STACK_READ),
        )
        .group_by(Stack.cloud_account_id)
    )
    return dict(session.execute(query).tuples().all())
