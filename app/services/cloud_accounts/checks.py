"""Have the credentials of a cloud account checked by its cloud, and keep what was found."""

from __future__ import annotations

from sqlalchemy import select

from app.catalog.cloud import Cloud
from app.clock import utc_now
from app.clouds.account_errors import CloudAccountRefusedError
from app.clouds.check import check_credentials
from app.domain.permissions import ServiceRight
from app.errors import LandformError
from app.models import CloudAccount
from app.services.access import Principal, require_service
from app.services.cloud_accounts.accounts import audit_account, cloud_account
from app.services.cloud_accounts.credentials import sign_in
from app.services.context import Context
from app.services.work import Work


def probe(ctx: Context, principal: Principal, reference: str) -> tuple[bool | None, str]:
    """Ask the cloud whether it accepts the account's credentials; no transaction is open meanwhile.

    Returns:
        Whether it does (nothing when it cannot be asked), and that in words.

    Raises:
        NotFoundError, PermissionDeniedError: there is none, or the caller may not.
    """
    require_service(principal, ServiceRight.ACCOUNT_MANAGE)
    with ctx.read() as session:
        account = cloud_account(session, principal, reference)
        region = _usual_region(ctx.catalog.cloud(account.cloud), account)
        try:
            login = sign_in(ctx, account)
        except CloudAccountRefusedError as error:
            return False, f"{error.detail} {error.advice}"
    result = check_credentials(account.cloud, login, region)
    return result.is_good, result.detail


def find_refused(ctx: Context) -> list[tuple[str, str]]:
    """Return the accounts that this host does not allow as they are, each with the reason."""
    refused = []
    with ctx.read() as session:
        query = select(CloudAccount).where(CloudAccount.deleted_at.is_(None))
        for account in session.scalars(query.order_by(CloudAccount.id)):
            try:
                sign_in(ctx, account)
            except LandformError as error:
                refused.append((account.name, error.detail))
    return refused


def note_probe(work: Work, reference: str, passed: bool | None, detail: str) -> CloudAccount:
    """Keep what ``probe`` found.

    Raises:
        NotFoundError: the account was deleted meanwhile.
    """
    account = cloud_account(work.session, work.principal, reference, is_locked=True)
    account.checked_at = utc_now()
    account.check_passed, account.check_detail = passed, detail[:500]
    audit_account(work, "cloud_account.check", account, passed=passed)
    return account


def _usual_region(cloud: Cloud, account: CloudAccount) -> str:
    """Return the cloud's name of the region in which an account is most at home."""
    allowed = list(account.regions) or list(cloud.regions)
    name = account.default_region or cloud.default_region
    return cloud.region(name if name in allowed else allowed[0]).provider_name
