"""What operations of one kind on one cloud took lately."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class OperationFootprint(Base):
    """The newest samples, as ``[peak MiB, CPU seconds]``, and what is learned from them.

    ``learned_mib`` is kept beside them, since it is read each time a worker looks for work. See
    ``app.domain.footprint``.
    """

    __tablename__ = "operation_footprints"

    cloud: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    samples: Mapped[list[Any]] = mapped_column(default=list)
    learned_mib: Mapped[int | None] = mapped_column()
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
