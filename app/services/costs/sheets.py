"""Import price sheets and find the one that counts."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain import ids
from app.domain.permissions import ServiceRight
from app.domain.price_sheet import PriceSheet, read_price_sheet
from app.errors import NotFoundError
from app.models import PriceSheetRow
from app.services import audit
from app.services.access import require_service
from app.services.paging import Page, PageRequest, fetch_page
from app.services.work import Work


def import_price_sheet(work: Work, text: str) -> PriceSheetRow:
    """Keep a sheet; from now on it counts.

    Raises:
        PermissionDeniedError: the caller lacks ``price:write``.
        ValidationError: has each mistake with its line.
    """
    require_service(work.principal, ServiceRight.PRICE_WRITE)
    now = utc_now()
    sheet = read_price_sheet(text, now.date())
    row = PriceSheetRow(
        id=ids.new_id(ids.PRICE_SHEET),
        csv=text,
        prices=len(sheet.prices),
        currency=sheet.currency,
        oldest=sheet.oldest or now.date(),
        imported_by=work.principal.name,
        imported_at=now,
    )
    work.session.add(row)
    work.session.flush()
    audit.record(
        work, "price_sheet.import", "price_sheet", row.id, prices=row.prices, currency=row.currency
    )
    return row


def list_price_sheets(session: Session, page: PageRequest) -> Page[PriceSheetRow]:
    """Return the sheets, the one that counts first."""
    query = select(PriceSheetRow)
    return fetch_page(session, query, PriceSheetRow.id, page, newest_first=True)


def price_sheet_by_id(session: Session, sheet_id: str) -> PriceSheetRow:
    """Return a sheet.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(PriceSheetRow, sheet_id)
    if row is None:
        raise NotFoundError(f"There is no price sheet {sheet_id!r}.")
    return row


def current_sheet(session: Session) -> tuple[PriceSheetRow, PriceSheet] | None:
    """Return the sheet that counts, or nothing where none was imported."""
    query = select(PriceSheetRow).order_by(PriceSheetRow.id.desc()).limit(1)
    row = session.scalars(query).first()
    if row is None:
        return None
    return row, read_price_sheet(row.csv, utc_now().date())
