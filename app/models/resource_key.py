"""What the present states of all stacks hold, so that no two stacks come to own one resource."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base


class ResourceKey(Base):
    """One name of one resource in the newest state of a stack (``app.domain.resource_keys``)."""

    __tablename__ = "resource_keys"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True, index=True)
