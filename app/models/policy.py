"""Sets of policies with their earlier versions, and the exceptions from them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class PolicySet(Base):
    """A set as it is now; ``policies`` is what ``app.domain.policy_reading`` writes."""

    __tablename__ = "policy_sets"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    description: Mapped[str] = mapped_column(String(500))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    policies: Mapped[list[Any]] = mapped_column(default=list)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[str] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class PolicySetVersion(Base):
    """A set as it was at one version, the present one included."""

    __tablename__ = "policy_set_versions"
    __table_args__ = (UniqueConstraint("set_id", "version"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    set_id: Mapped[str] = mapped_column(ForeignKey("policy_sets.id"))
    version: Mapped[int] = mapped_column()
    is_enabled: Mapped[bool] = mapped_column()
    policies: Mapped[list[Any]] = mapped_column(default=list)
    saved_by: Mapped[str] = mapped_column(String(64))
    saved_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PolicyOverride(Base):
    """An exception: what a policy denies to the stacks of a project is allowed for a while.

    Without ``stack_name`` it holds for all of them. It is known by name, because a request for a
    new stack has no id yet.
    """

    __tablename__ = "policy_overrides"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    set_id: Mapped[str] = mapped_column(ForeignKey("policy_sets.id"), index=True)
    policy: Mapped[str] = mapped_column(String(40))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    stack_name: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
