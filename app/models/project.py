"""Projects: the tenancy boundary, and who is a member with which role."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import UtcDateTime
from app.models.base import Base
from app.models.user import User


class Project(Base):
    """A tenancy boundary in which stacks and members live; ``version`` is the ETag.

    A deleted one keeps its row for the history of its stacks and gives its name free.
    ``drift_windows`` are weekly ones, in their JSON form, outside which no scheduled check runs.
    ``drift_digest_day`` is the last day (UTC) of which its digest of drift was told.
    """

    __tablename__ = "projects"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str] = mapped_column(String(200), default="")
    auto_apply: Mapped[str] = mapped_column(String(20), default="always", server_default="always")
    approval_not_by_requester: Mapped[bool] = mapped_column(default=False, server_default=false())
    drift_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    drift_interval_seconds: Mapped[int | None] = mapped_column()
    drift_cron: Mapped[str | None] = mapped_column(String(100))
    drift_windows: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    drift_digest_day: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1, server_default="1")


class ProjectMember(Base):
    """The role of one user in one project."""

    __tablename__ = "project_members"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(16))

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)
    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)
