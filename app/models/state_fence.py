"""The number of the newest writer of a stack's state, where the place of the state compares it."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class StateFence(Base):
    """How many writers a stack has had whose state is on S3; without a row it had none."""

    __tablename__ = "state_fences"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
