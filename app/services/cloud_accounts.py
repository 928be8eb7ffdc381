"""Cloud accounts: make one, change it, have its credentials checked, delete it.

Credentials are sealed at rest and never leave ``app.services.secrets`` but for Terraform's
provider; changing them touches no stack.
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
from app.clouds.check import check_credentials
from app.domain import ids
from app.domain.names import NAME_RULE, is_name
from app.domain.permissions import ServiceRight
from app.errors import (
    ConflictError,
    FieldProblem,
    NameTakenError,
    NotFoundError,
    PreconditionFailedError,
    ValidationError,
)
from app.models import CloudAccount, Stack
from app.services import audit
from app.services.access import Principal, require_service
from app.services.context import Context
from app.services.pages import Page, PageRequest, fetch_page
from app.services.secrets import open_credentials, seal_credentials

MAX_NAMED = 20


@dataclass(frozen=True)
class NewCloudAccount:
    """What an administrator asks for; no ``regions`` means all that the cloud offers."""

    name: str
    cloud: str
    credentials: Mapping[str, str]
    regions: Sequence[str] = field(default_factory=list)
    default_region: str | None = None


@dataclass(frozen=True)
class CloudAccountChange:
    """What is wanted otherwise; ``None`` leaves a thing as it is. Credentials are given whole."""

    name: str | None = None
    credentials: Mapping[str, str] | None = None
    regions: Sequence[str] | None = None
    default_region: str | None = None
    clears_default_region: bool = False


def list_cloud_accounts(session: Session, page: PageRequest) -> Page[CloudAccount]:
    """Return the cloud accounts, oldest first."""
    query = select(CloudAccount).where(CloudAccount.deleted_at.is_(None))
    return fetch_page(session, query, CloudAccount.id, page)


def cloud_account(session: Session, reference: str, *, is_locked: bool = False) -> CloudAccount:
    """Return the cloud account with that id or name.

    Raises:
        NotFoundError: there is none.
    """
    query = select(CloudAccount).where(
        or_(CloudAccount.id == reference, CloudAccount.name == reference),
        CloudAccount.deleted_at.is_(None),
    )
    account = session.scalar(query.with_for_update() if is_locked else query)
    if account is None:
        raise NotFoundError(f"There is no cloud account {reference!r}.")
    return account


def create_cloud_account(
    ctx: Context, session: Session, principal: Principal, wanted: NewCloudAccount
) -> CloudAccount:
    """Make a cloud account; its credentials are kept, not yet checked.

    Raises:
        PermissionDeniedError: the caller lacks ``cloud-account:manage``.
        ValidationError: name, cloud, a credential field or a region is not acceptable.
        NameTakenError: another account has the name.
    """
    require_service(principal, ServiceRight.ACCOUNT_MANAGE)
    _check_name(wanted.name)
    cloud = ctx.catalog.clouds.get(wanted.cloud)
    if cloud is None:
        offered = ", ".join(sorted(ctx.catalog.clouds))
        raise ValidationError.at("/cloud", f"There is no such cloud; there are: {offered}.")
    cloud.check_credentials(wanted.credentials)
    _check_regions(cloud, wanted.regions, wanted.default_region)
    account = CloudAccount(
        id=ids.new_id(ids.CLOUD_ACCOUNT),
        name=wanted.name,
        cloud=cloud.name,
        regions=list(wanted.regions),
        default_region=wanted.default_region,
        created_at=utc_now(),
        version=1,
    )
    seal_credentials(ctx.keys, account, dict(wanted.credentials))
    session.add(account)
    _flush_name(session, wanted.name)
    _audit(session, principal, "cloud_account.create", account, cloud=cloud.name)
    return account


def change_cloud_account(
    ctx: Context,
    session: Session,
    principal: Principal,
    reference: str,
    change: CloudAccountChange,
    expected_version: int | None = None,
) -> CloudAccount:
    """Change an account; new credentials hold from the next start of Terraform on.

    Raises:
        NotFoundError, PermissionDeniedError: there is none, or the caller may not.
        PreconditionFailedError: it was changed since ``expected_version``.
        ValidationError, NameTakenError: as ``create_cloud_account``.
    """
    require_service(principal, ServiceRight.ACCOUNT_MANAGE)
    account = cloud_account(session, reference, is_locked=True)
    _expect_version(account, expected_version)
    changed = _change_columns(ctx, account, change)
    if changed:
        account.version += 1
        _flush_name(session, account.name)
        _audit(session, principal, "cloud_account.change", account, changed=changed)
    return account


def delete_cloud_account(
    ctx: Context,
    session: Session,
    principal: Principal,
    reference: str,
    expected_version: int | None = None,
) -> None:
    """Delete an account that no living stack uses, with its credentials; its name becomes free.

    Raises:
        NotFoundError, PermissionDeniedError, PreconditionFailedError: as
            ``change_cloud_account``.
        ConflictError: stacks use it; ``context`` names some.
    """
    require_service(principal, ServiceRight.ACCOUNT_MANAGE)
    account = cloud_account(session, reference, is_locked=True)
    _expect_version(account, expected_version)
    query = select(Stack).where(Stack.cloud_account_id == account.id, Stack.deleted_at.is_(None))
    stacks = session.scalars(query.order_by(Stack.id).limit(MAX_NAMED)).all()
    if stacks:
        names = ", ".join(repr(stack.name) for stack in stacks)
        raise ConflictError(
            f"Stacks of cloud account {account.name!r} still exist: {names}.",
            advice="Destroy them first.",
            context={"stacks": [{"id": stack.id, "name": stack.name} for stack in stacks]},
        )
    _audit(session, principal, "cloud_account.delete", account)
    # The history of its stacks refers to the row; an id is a name that nobody can choose.
    account.name, account.deleted_at = account.id, utc_now()
    seal_credentials(ctx.keys, account, {})
    account.version += 1


def probe(ctx: Context, principal: Principal, reference: str) -> tuple[bool | None, str]:
    """Ask the cloud whether it accepts the account's credentials; no transaction is open meanwhile.

    Returns:
        Whether it does (nothing when it cannot be asked), and that in words.

    Raises:
        NotFoundError, PermissionDeniedError: there is none, or the caller may not.
    """
    require_service(principal, ServiceRight.ACCOUNT_MANAGE)
    with ctx.read() as session:
        account = cloud_account(session, reference)
        credentials = open_credentials(ctx.keys, account)
        region = _usual_region(ctx.catalog.cloud(account.cloud), account)
    result = check_credentials(account.cloud, credentials, region)
    return result.is_good, result.detail


def note_probe(
    session: Session, principal: Principal, reference: str, passed: bool | None, detail: str
) -> CloudAccount:
    """Keep what ``probe`` found.

    Raises:
        NotFoundError: the account was deleted meanwhile.
    """
    account = cloud_account(session, reference, is_locked=True)
    account.checked_at = utc_now()
    account.check_passed, account.check_detail = passed, detail[:500]
    _audit(session, principal, "cloud_account.check", account, passed=passed)
    return account


def _usual_region(cloud: Cloud, account: CloudAccount) -> str:
    """Return the cloud's name of the region in which an account is most at home."""
    allowed = list(account.regions) or list(cloud.regions)
    name = account.default_region or cloud.default_region
    return cloud.region(name if name in allowed else allowed[0]).provider_name


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
        cloud.check_credentials(change.credentials)
        seal_credentials(ctx.keys, account, dict(change.credentials))
        account.checked_at = account.check_passed = account.check_detail = None
        changed.append("credentials")
    return changed


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


def _expect_version(account: CloudAccount, expected: int | None) -> None:
    if expected is not None and expected != account.version:
        raise PreconditionFailedError("The cloud account was changed since you read it.")


def _audit(
    session: Session, principal: Principal, action: str, account: CloudAccount, **detail: Any
) -> None:
    audit.record(
        session, principal, action, "cloud_account", account.id, name=account.name, **detail
    )
