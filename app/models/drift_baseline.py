"""What Terraform found when it last compared all of a stack."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class DriftBaseline(Base):
    """What was found, masked, and a keyed digest of the configuration, state and reality it is of.

    See ``app.services.engine.drift_fingerprint``.
    """

    __tablename__ = "drift_baselines"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    found: Mapped[dict[str, Any]]
    found_at: Mapped[datetime] = mapped_column(UtcDateTime)
