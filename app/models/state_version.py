"""What SQL knows of each state version; the bytes are on the volume."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class StateVersion(Base):
    """One immutable state file: Terraform's serial and lineage, and the sha256 of its bytes.

    ``has_keys`` says that its resources are in ``ResourceKey``, or were while it was the newest.
    """

    __tablename__ = "state_versions"
    __table_args__ = (UniqueConstraint("stack_id", "serial"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"))
    serial: Mapped[int] = mapped_column(BigInteger)
    lineage: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    terraform_version: Mapped[str] = mapped_column(String(32))
    operation_id: Mapped[str] = mapped_column(ForeignKey("operations.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    has_keys: Mapped[bool] = mapped_column(default=False, server_default=false())
