"""Cloud accounts: make one, change it, delete it.

Credentials are sealed at rest and leave only through ``credentials``.
Changing them touches no stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.catalog.cloud import Cloud
from app.clock import utc_now
from app.domain import ids
from app.domain.names import NAME_RULE, is_name
from app.domain.permissions import ServiceRight
from app.errors import (
    ConflictError,
    FieldProblem,
    NameTakenError,
    NotFoundError,
    ValidationError,
)
from app.models import CloudAccount, Stack
from app.services import audit
from app.services.access import Principal, require_service
from app.services.cloud_accounts.credentials import find_problems, forget_files
from app.services.cloud_accounts.grants import (
    Grants,
    forget_grants_of_account,
    seen_accounts,
    set_grants,
)
from app.services.context import Context
from app.services.lookup import expect_version
from app.services.paging import Page, PageRequest, fetch_page
from app.services.secrets import seal_credentials
from app.services.work import Work

MAX_NAMED = 20


@dataclass(frozen=True)
class NewCloudAccount:
    """What an administrator asks for; no ``regions`` means all that the cloud offers.

    Without ``grants`` no project may use it yet.
    """

    name: str
    cloud: str
    credentials: Mapping[str, str]
    regions: Sequence[str] = field(default_factory=list)
    default_region: str | None = None
    grants: Grants = field(default_factory=Grants)


@dataclass(frozen=True)
class CloudAccountChange:
    """What is wanted otherwise; ``None`` leaves a thing as it is. Credentials are given whole."""

    name: str | None = None
    credentials: Mapping[str, str] | None = None
    regions: Sequence[str] | None = None
    default_region: str | None = None
    clears_default_region: bool = False
    grants: Grants | None = None


def list_cloud_accounts(
    session: Session, principal: Principal, page: PageRequest
) -> Page[CloudAccount]:
    """Return the cloud accounts that the caller may know of, oldest first."""
    query = select(CloudAccount).where(CloudAccount.deleted_at.is_(None), seen_accounts(principal))
    return fetch_page(session, query, CloudAccount.id, page)


def cloud_account(
    session: Session, principal: Principal, reference: str, *, is_locked: bool = False
) -> CloudAccount:
    """Return the cloud account with that id or name.

    Raises:
        NotFoundError: there is none that the caller may know of.
    """
    query = select(CloudAccount).where(
        or_(CloudAccount.id == reference, CloudAccount.name == reference),
        CloudAccount.deleted_at.is_(None),
        seen_accounts(principal),
    )
    account = session.scalar(query.with_for_update() if is_locked else query)
    if account is None:
        raise NotFoundError(f"There is no cloud account {reference!r}.")
    return account


def create_cloud_account(work: Work, wanted: NewCloudAccount) -> CloudAccount:
    """Make a cloud account; its credentials are kept, not yet checked.

    Raises:
        PermissionDeniedError: the caller lacks ``cloud-account:manage``.
        ValidationError: name, cloud, a credential field or a region is not acceptable.
        NameTakenError: another account has the name.
    """
    require_service(work.principal, ServiceRight.ACCOUNT_MANAGE)
    _check_name(wanted.name)
    cloud = work.ctx.catalog.clouds.get(wanted.cloud)
    if cloud is None:
        offered = ", ".join(sorted(work.ctx.catalog.clouds))
        raise ValidationError.at("/cloud", f"There is no such cloud; there are: {offered}.")
    _check_credentials(work.ctx, cloud, wanted.credentials)
    _check_regions(cloud, wanted.regions, wanted.default_region)
    account = CloudAccount(
        id=ids.new_id(ids.CLOUD_ACCOUNT),
        name=wanted.name,
        cloud=cloud.name,
        regions=list(wanted.regions),
        default_region=wanted.default_region,
        created_at=utc_now(),
        version=1,
        for_all_projects=False,
    )
    seal_credentials(work.ctx.keys, account, dict(wanted.credentials))
    work.session.add(account)
    _flush_name(work.session, wanted.name)
    set_grants(work, account, wanted.grants)
    audit_account(
        work,
        "cloud_account.create",
        account,
        cloud=cloud.name,
        for_all_projects=account.for_all_projects,
    )
    return account


def change_cloud_account(
    work: Work,
    reference: str,
    change: CloudAccountChange,
    expected_version: int | None = None,
) -> CloudAccount:
    """Change an account; new credentials hold from the next start of Terraform on.

    Raises:
        NotFoundError, PermissionDeniedError: there is none, or the caller may not.
        PreconditionFailedError: it was changed since ``expected_version``.
        ValidationError, NameTakenError: as ``create_cloud_account``.
        ConflictError: stacks of a project that is to lose it live on it.
    """
    require_service(work.principal, ServiceRight.ACCOUNT_MANAGE)
    account = cloud_account(work.session, work.principal, reference, is_locked=True)
    expect_version(f"Cloud account {account.name!r}", account.version, expected_version)
    changed = _change_columns(work.ctx, account, change)
    if change.grants is not None and set_grants(work, account, change.grants):
        changed.append("projects")
    if changed:
        account.version += 1
        _flush_name(work.session, account.name)
        audit_account(
            work,
            "cloud_account.change",
            account,
            changed=changed,
            for_all_projects=account.for_all_projects,
        )
    return account


def delete_cloud_account(
    work: Work,
    reference: str,
    expected_version: int | None = None,
) -> None:
    """Delete an account that no living stack uses, with its credentials; its name becomes free.

    Raises:
        NotFoundError, PermissionDeniedError, PreconditionFailedError: as
            ``change_cloud_account``.
        ConflictError: stacks use it; ``context`` names some.
    """
    require_service(work.principal, ServiceRight.ACCOUNT_MANAGE)
    account = cloud_account(work.session, work.principal, reference, is_locked=True)
    expect_version(f"Cloud account {account.name!r}", account.version, expected_version)
    query = select(Stack).where(Stack.cloud_account_id == account.id, Stack.deleted_at.is_(None))
    stacks = work.session.scalars(query.order_by(Stack.id).limit(MAX_NAMED)).all()
    if stacks:
        names = ", ".join(repr(stack.name) for stack in stacks)
        raise ConflictError(
            f"Stacks of cloud account {account.name!r} still exist: {names}.",
            advice="Destroy them first.",
            context={"stacks": [{"id": stack.id, "name": stack.name} for stack in stacks]},
        )
    audit_account(work, "cloud_account.delete", account)
    # The history of its stacks refers to the row; an id is a name that nobody can choose.
    account.name, account.deleted_at = account.id, utc_now()
    seal_credentials(work.ctx.keys, account, {})
    forget_files(work.ctx, account.id)
    forget_grants_of_account(work.session, account)
    account.version += 1


def _change_columns(ctx: Context, account: CloudAccount, change: CloudAccountChange) -> list[str]:
    cloud = ctx.catalog.cloud(account.cloud)
    wanted: dict[str, Any] = {
        "name": change.name,
        "regions": None if change.regions is None else list(change.regions),
        "default_region": change.default_region,
    }
    columns = {name: value for name, value in wanted.items() if value is not None}
    if change.clears_default_region:
        columns["default_region"] = None
    if change.name is not None:
        _check_name(change.name)
    regions = columns.get("regions", account.regions)
    _check_regions(cloud, regions, columns.get("default_region", account.default_region))
    changed = [name for name, value in columns.items() if value != getattr(account, name)]
    for name in changed:
        setattr(account, name, columns[name])
    if change.credentials is not None:
        _check_credentials(ctx, cloud, change.credentials)
        seal_credentials(ctx.keys, account, dict(change.credentials))
        account.checked_at = account.check_passed = account.check_detail = None
        changed.append("credentials")
    return changed


def _check_credentials(ctx: Context, cloud: Cloud, credentials: Mapping[str, str]) -> None:
    cloud.check_credentials(credentials)
    problems = find_problems(ctx.settings, cloud, credentials)
    if problems:
        raise ValidationError("This host does not allow the credentials.", problems=problems)


def _check_name(name: str) -> None:
    if not is_name(name):
        raise ValidationError.at("/name", f"A name has {NAME_RULE}.")


def _check_regions(cloud: Cloud, regions: Sequence[str], default_region: str | None) -> None:
    offered = ", ".join(cloud.regions)
    problems = [
        FieldProblem(f"/regions/{index}", f"{cloud.title} offers: {offered}.")
        for index, name in enumerate(regions)
        if name not in cloud.regions
    ]
    allowed = list(regions) or list(cloud.regions)
    if default_region is not None and default_region not in allowed:
        problems.append(FieldProblem("/default_region", f"Is none of: {', '.join(allowed)}."))
    if problems:
        raise ValidationError(problems[0].message, problems=tuple(problems))


def _flush_name(session: Session, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as error:
        raise NameTakenError.at("/name", f"There is a cloud account {name!r} already.") from error


def audit_account(work: Work, action: str, account: CloudAccount, **detail: Any) -> None:
    """Record what a principal did with an account."""
    audit.record(
        work,
        action,
        "cloud_account",
        account.id,
        name=account.name,
        **detail,
    )
