"""Cloud accounts for readers; credentials never leave ``app.services.secrets``."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from app.errors import NotFoundError
from app.models import CloudAccount
from app.services.pages import Page, PageRequest, fetch_page


def list_cloud_accounts(session: Session, page: PageRequest) -> Page[CloudAccount]:
    """Return the cloud accounts, oldest first."""
    return fetch_page(session, select(CloudAccount), CloudAccount.id, page)


def cloud_account(session: Session, reference: str) -> CloudAccount:
    """Return the cloud account with that id or name.

    Raises:
        NotFoundError: there is none.
    """
    query = select(CloudAccount).where(
        or_(CloudAccount.id == reference, CloudAccount.name == reference)
    )
    account = session.scalar(query)
    if account is None:
        raise NotFoundError(f"There is no cloud account {reference!r}.")
    return account
