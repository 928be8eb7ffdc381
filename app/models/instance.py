"""Instances: one for each start of a host's processes, with its last sign of life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class Instance(Base):
    """The processes that were started together on one host or in one container.

    ``name`` is the host's, a label that may repeat. Pids of its processes mean something only
    under the same ``boot_id`` and ``pid_namespace``. ``heartbeat_at`` is by the database's clock.
    ``gone_at`` and ``gone_by`` say that a person declared it gone for good, ``draining_since`` that
    it takes nothing new because its host is about to be stopped.
    """

    __tablename__ = "instances"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    boot_id: Mapped[str] = mapped_column(String(64))
    pid_namespace: Mapped[str] = mapped_column(String(64))
    version: Mapped[str] = mapped_column(String(40))
    roles: Mapped[list[Any]] = mapped_column(default=list)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gone_by: Mapped[str | None] = mapped_column(String(64))
    draining_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
