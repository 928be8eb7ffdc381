"""A stack, what it refers to, and the outputs of its last apply."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import ExactJson, UtcDateTime
from app.models.base import Base, JsonObject
from app.models.cloud_account import CloudAccount
from app.models.project import Project

if TYPE_CHECKING:
    from app.models.drift_finding import DriftFinding


class Stack(Base):
    """One thing that a client asked for; it has exactly one Terraform state.

    ``generation`` counts changes of what is wanted; ``applied_generation`` is the last one that
    was applied, so a difference means *pending changes*. In the same way ``blueprint_version`` is
    wanted and ``applied_blueprint_version`` was applied. ``version`` is the ETag. ``let_go`` lists
    ``{address, type, id, names, operation_id, at}`` of what left the record and is in the cloud.
    """

    __tablename__ = "stacks"
    __table_args__ = (
        Index(
            "uq_stacks_project_id_name_alive",
            "project_id",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        # Has all that the overview counts; SQLite reads the row where the condition is not in it.
        Index(
            "ix_stacks_standing",
            "status",
            "drift_status",
            "project_id",
            "deleted_at",
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_stacks_kind_id", "kind", "id"),
        Index("ix_stacks_status_id", "status", "id"),
        Index("ix_stacks_drift_status_id", "drift_status", "id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(40))
    blueprint_version: Mapped[str] = mapped_column(String(40))
    applied_blueprint_version: Mapped[str | None] = mapped_column(String(40))
    cloud_account_id: Mapped[str] = mapped_column(ForeignKey("cloud_accounts.id"), index=True)
    cloud: Mapped[str] = mapped_column(String(40))
    region: Mapped[str] = mapped_column(String(40))
    parameters: Mapped[JsonObject] = mapped_column(default=dict)
    sealed_parameters: Mapped[bytes | None] = mapped_column(LargeBinary)
    labels: Mapped[JsonObject] = mapped_column(default=dict)
    auto_apply: Mapped[str] = mapped_column(String(20), default="always")
    state_backend: Mapped[str] = mapped_column(
        String(10), default="volume", server_default="volume"
    )
    deletion_protection: Mapped[bool] = mapped_column(default=False)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    on_expiry: Mapped[str] = mapped_column(String(20), default="destroy", server_default="destroy")
    expiry_warned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expiry_asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(20))
    status_reason: Mapped[str | None] = mapped_column(String(1000))
    generation: Mapped[int] = mapped_column(default=1)
    applied_generation: Mapped[int] = mapped_column(default=0)
    drift_status: Mapped[str] = mapped_column(String(20), default="not_checked")
    drift_reason: Mapped[str | None] = mapped_column(String(1000))
    drift_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drift_checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    drift_report_id: Mapped[str | None] = mapped_column(String(40))
    drift_told: Mapped[str | None] = mapped_column(String(64))
    drift_unknown_told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    let_go: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    configuration_differs: Mapped[bool] = mapped_column(default=False, server_default=false())
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    project: Mapped[Project] = relationship(lazy="joined", innerjoin=True)
    cloud_account: Mapped[CloudAccount] = relationship(lazy="joined", innerjoin=True)
    references: Mapped[list[StackReference]] = relationship(
        foreign_keys="StackReference.stack_id", lazy="selectin", cascade="all, delete-orphan"
    )
    referenced_by: Mapped[list[StackReference]] = relationship(
        foreign_keys="StackReference.target_id", lazy="selectin", viewonly=True
    )
    outputs: Mapped[list[StackOutput]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by="StackOutput.name"
    )
    # Open findings that a resource is gone; loaded where outputs are shown only.
    deletions: Mapped[list[DriftFinding]] = relationship(
        primaryjoin="and_(Stack.id == DriftFinding.stack_id, DriftFinding.gone_since.is_(None), "
        "DriftFinding.change == 'deleted', DriftFinding.resource_id.is_not(None))",
        viewonly=True,
    )
    schedule: Mapped[Schedule] = relationship(
        lazy="joined", cascade="all, delete-orphan", back_populates="stack"
    )

    @property
    def has_pending_changes(self) -> bool:
        """Tell whether an apply would bring what is wanted and not there yet.

        What is wanted was changed since the last apply, or a check saw that the configuration
        wants more than the record has (an answer of a data source, a newer module).
        """
        return self.generation != self.applied_generation or self.configuration_differs

    @property
    def let_go_names(self) -> set[str]:
        """Return every name by which a cloud may know what the stack let go of."""
        return {name for item in self.let_go for name in item["names"]}


class StackReference(Base):
    """``stack`` takes outputs of ``target`` through ``parameter``."""

    __tablename__ = "stack_references"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    parameter: Mapped[str] = mapped_column(String(64), primary_key=True)
    target_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), index=True)

    # Most stacks have none: other stacks are asked for where there is one, all at once. Without a
    # depth SQLAlchemy stops at a stack of a stack, and asks for one after another.
    stack: Mapped[Stack] = relationship(
        foreign_keys=[stack_id], viewonly=True, lazy="selectin", join_depth=2
    )
    target: Mapped[Stack] = relationship(
        foreign_keys=[target_id], viewonly=True, lazy="selectin", join_depth=2
    )


class StackOutput(Base):
    """One output of the last apply; a sensitive one is kept sealed only."""

    __tablename__ = "stack_outputs"

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(ExactJson, nullable=True)
    sealed_value: Mapped[bytes | None] = mapped_column(LargeBinary)
    is_sensitive: Mapped[bool] = mapped_column(default=False)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Schedule(Base):
    """When a stack is checked for drift: every ``interval_seconds`` or by ``cron`` (UTC).

    ``follows_project`` says that its rhythm is that of the project; ``failures`` counts the checks
    that failed in a row; ``planned_at`` is when ``next_check_at`` was computed.
    """

    __tablename__ = "schedules"
    __table_args__ = (Index("ix_schedules_due", "is_enabled", "next_check_at"),)

    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"), primary_key=True)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    interval_seconds: Mapped[int] = mapped_column()
    cron: Mapped[str | None] = mapped_column(String(100))
    next_check_at: Mapped[datetime] = mapped_column(UtcDateTime)
    auto_reconcile: Mapped[JsonObject | None] = mapped_column()
    follows_project: Mapped[bool] = mapped_column(default=False, server_default=false())
    failures: Mapped[int] = mapped_column(default=0, server_default="0")
    planned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    stack: Mapped[Stack] = relationship(back_populates="schedule")
