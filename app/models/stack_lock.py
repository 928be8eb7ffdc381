"""The lock by which a person keeps everything that changes a stack from starting."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class StackLock(Base):
    """Who holds a stack, since when and why; a stack without a row is not locked."""

    __tablename__ = "stack_locks"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    holder_id: Mapped[str] = mapped_column(String(40))
    holder: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(500))
    since: Mapped[datetime] = mapped_column(UtcDateTime)
