"""Failed sign-ins of late, by where they came from; what slows guessing down."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class SignInFailure(Base):
    """How often signing in failed for one origin (a hash), and until when it must wait."""

    __tablename__ = "sign_in_failures"

    origin: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column()
    blocked_until: Mapped[datetime] = mapped_column(UtcDateTime)
    forgotten_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
