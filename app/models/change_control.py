"""When changes may be applied: windows and maintenance, of one project or of all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base

SERVICE = "service"
"""The scope of the one row that holds for every project."""


class ChangeControl(Base):
    """The rules of one scope; a scope without a row is always open.

    ``scope`` is ``SERVICE`` or the id of the project. Maintenance is on while
    ``maintenance_since`` is set and ``maintenance_until``, if there is one, is not over.
    """

    __tablename__ = "change_controls"

    scope: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id"))
    windows: Mapped[list[Any]] = mapped_column(default=list)
    maintenance_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    maintenance_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    maintenance_reason: Mapped[str | None] = mapped_column(String(500))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
