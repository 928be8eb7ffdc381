"""Facts about this Landform as a whole: the volume it owns, when the scheduler last ticked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base, JsonObject


class InstallationFact(Base):
    """One named fact, such as ``volume`` or ``scheduler``."""

    __tablename__ = "installation_facts"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[JsonObject] = mapped_column(default=dict)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
