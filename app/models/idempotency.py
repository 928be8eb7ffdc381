"""First answers of requests that carried an Idempotency-Key, kept for replay."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base, JsonObject


class IdempotencyRecord(Base):
    """The answer given to one principal's key; ``fingerprint`` is of method, path and body.

    ``demands`` is what was asked of the caller's rights; unknown where an earlier release answered.
    """

    __tablename__ = "idempotency_records"

    principal: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int] = mapped_column()
    headers: Mapped[JsonObject] = mapped_column(default=dict)
    body: Mapped[JsonObject] = mapped_column(default=dict)
    demands: Mapped[list[Any] | None] = mapped_column()
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
