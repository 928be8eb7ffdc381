"""The result of one drift check."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class DriftReport(Base):
    """What changed outside Terraform, masked, as a drift check saw it.

    ``digest`` says which drift it was; ``tag_search`` whether the cloud could be asked what carries
    the stack's tag; ``checked_by`` whether Terraform looked, or its provider alone. ``checks``
    counts those that saw the same, from ``first_checked_at`` (null for one alone) to
    ``checked_at``; ``operation_id`` is the first of them.
    """

    __tablename__ = "drift_reports"
    __table_args__ = (
        Index("ix_drift_reports_stack_id_id", "stack_id", "id"),
        Index("ix_drift_reports_operation_id", "operation_id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"))
    operation_id: Mapped[str] = mapped_column(ForeignKey("operations.id"))
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    first_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    checks: Mapped[int] = mapped_column(default=1, server_default="1")
    status: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(String(1000))
    has_pending_changes: Mapped[bool] = mapped_column(default=False)
    changes: Mapped[list[Any]] = mapped_column(default=list)
    digest: Mapped[str | None] = mapped_column(String(64))
    tag_search: Mapped[str] = mapped_column(
        String(20), default="not_offered", server_default="not_offered"
    )
    tag_search_reason: Mapped[str | None] = mapped_column(String(1000))
    checked_by: Mapped[str] = mapped_column(
        String(20), default="terraform", server_default="terraform"
    )
