"""The stories of drift: one row for what keeps being found, however often it comes and goes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import UtcDateTime
from app.models.base import Base
from app.models.stack import Stack


class DriftRule(Base):
    """Hides findings of a project until it expires; ``app.domain.drift_rules`` says which."""

    __tablename__ = "drift_rules"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    stack_id: Mapped[str | None] = mapped_column(ForeignKey("stacks.id"))
    kind: Mapped[str | None] = mapped_column(String(40))
    resource_type: Mapped[str | None] = mapped_column(String(200))
    change: Mapped[str | None] = mapped_column(String(10))
    path: Mapped[str | None] = mapped_column(String(200))
    value: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500))
    owner: Mapped[str] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)


class DriftFinding(Base):
    """One change made outside Landform; gone since ``gone_since``, open while that is null.

    ``key`` makes it the same story, ``cause`` the same cause in other stacks. ``attributes`` are
    the masked differences of the last time; ``gone_reason`` says how it ended, and
    ``gone_operation_id`` which operation ended it; ``orphaned_by`` is the interrupted operation
    that made what no state has; ``rule`` is what hides it, unless it expired.
    """

    __tablename__ = "drift_findings"
    __table_args__ = (
        UniqueConstraint("stack_id", "key", name="uq_drift_findings_stack_id_key"),
        Index("ix_drift_findings_cause", "cause"),
        Index("ix_drift_findings_gone_since", "gone_since"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"))
    key: Mapped[str] = mapped_column(String(64))
    cause: Mapped[str] = mapped_column(String(64))
    address: Mapped[str | None] = mapped_column(Text)
    resource_id: Mapped[str | None] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    change: Mapped[str] = mapped_column(String(10))
    attributes: Mapped[list[Any]] = mapped_column(default=list)
    values_digest: Mapped[str] = mapped_column(String(64))
    severity: Mapped[str] = mapped_column(String(10))
    severity_reason: Mapped[str] = mapped_column(String(100))
    mending: Mapped[str | None] = mapped_column(String(10))
    first_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    gone_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    gone_reason: Mapped[str | None] = mapped_column(String(10))
    gone_operation_id: Mapped[str | None] = mapped_column(String(40))
    orphaned_by: Mapped[str | None] = mapped_column(String(40))
    returns: Mapped[int] = mapped_column(default=0)
    report_id: Mapped[str] = mapped_column(String(40))
    rule_id: Mapped[str | None] = mapped_column(ForeignKey("drift_rules.id"), index=True)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(String(64))
    acknowledged_note: Mapped[str | None] = mapped_column(String(500))

    stack: Mapped[Stack] = relationship(lazy="joined", innerjoin=True)
    rule: Mapped[DriftRule | None] = relationship(lazy="joined")


class DriftDay(Base):
    """How many stacks of a project stood where at the end of a day (UTC), or stand now."""

    __tablename__ = "drift_days"

    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    in_sync: Mapped[int] = mapped_column(default=0)
    drifted: Mapped[int] = mapped_column(default=0)
    unknown: Mapped[int] = mapped_column(default=0)
    not_checked: Mapped[int] = mapped_column(default=0)
