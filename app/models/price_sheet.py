"""Price sheets that were imported; the newest counts."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class PriceSheetRow(Base):
    """One imported sheet; ``csv`` is as it was sent, and was checked."""

    __tablename__ = "price_sheets"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    csv: Mapped[str] = mapped_column(Text, deferred=True)
    prices: Mapped[int] = mapped_column()
    currency: Mapped[str] = mapped_column(String(3))
    oldest: Mapped[date] = mapped_column()
    imported_by: Mapped[str] = mapped_column(String(64))
    imported_at: Mapped[datetime] = mapped_column(UtcDateTime)
