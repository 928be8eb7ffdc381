"""What was last agreed about the resources of a stack, where its recorded state says otherwise."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class StackAgreement(Base):
    """The agreed values that the state of ``serial`` has lost, sealed: they may be secret.

    A stack without a row is agreed to be as its state says. ``digest`` is keyed, and changes with
    the contents. See ``app.domain.agreement``.
    """

    __tablename__ = "stack_agreements"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    serial: Mapped[int] = mapped_column(BigInteger)
    sealed_agreement: Mapped[bytes] = mapped_column(LargeBinary)
    digest: Mapped[str] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
