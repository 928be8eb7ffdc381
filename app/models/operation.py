"""Operations with their steps and events, and the lease under which a worker holds one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import UtcDateTime
from app.models.base import Base, JsonObject
from app.models.stack import Stack

_ACTIVE = "status IN ('planning', 'planned', 'applying', 'canceling')"
AutoIncrement = BigInteger().with_variant(Integer, "sqlite")


class Operation(Base):
    """One asynchronous piece of work on a stack.

    ``fence`` grows with every claim; a worker writes only while its fence is the present one.
    ``process`` identifies the Terraform that runs now (pid, start time, boot id, group, host).
    ``instance_id`` is that of the processes that claimed it last; ``taken_over_at`` says when
    another instance recovered it because that one was lost.
    ``options`` holds what the request chose (targets, replacements, imports); ``resolution`` what
    a person decided about an interrupted operation. ``holds_back`` says that it may have left
    resources without a record, so that nothing else may change its stack but the operation whose
    ``resolves_id`` names it.
    ``blueprint_version`` is the one that its plan was made with; ``sealed_preview`` what a plan
    looks at instead of what the stack has (``app.services.stacks.upgrade``).
    ``traceparent`` is the trace of the request, and what in it asked for the operation (W3C).
    ``policy_results`` is what policies said that are not met (``app.domain.policy_results``).
    ``cost`` is what the resources cost before and after its plan (``app.services.costs``).
    ``transitions`` lists ``{status, at}`` for every status that the operation has had.
    """

    __tablename__ = "operations"
    __table_args__ = (
        Index(
            "uq_operations_stack_id_active",
            "stack_id",
            unique=True,
            sqlite_where=text(_ACTIVE),
            postgresql_where=text(_ACTIVE),
        ),
        Index("ix_operations_stack_id_id", "stack_id", "id"),
        Index("ix_operations_status_id", "status", "id"),
        Index(
            "ix_operations_stack_id_unresolved",
            "stack_id",
            sqlite_where=text("holds_back"),
            postgresql_where=text("holds_back"),
        ),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    stack_id: Mapped[str] = mapped_column(ForeignKey("stacks.id"))
    type: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(24))
    requested_by: Mapped[str] = mapped_column(String(64))
    request_id: Mapped[str | None] = mapped_column(String(64))
    traceparent: Mapped[str | None] = mapped_column(String(55))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    transitions: Mapped[list[Any]] = mapped_column(default=list)
    stack_status_before: Mapped[str | None] = mapped_column(String(20))
    generation: Mapped[int | None] = mapped_column()
    has_applied: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=0)
    notified_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    fence: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(200))
    instance_id: Mapped[str | None] = mapped_column(String(40), index=True)
    taken_over_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    owner_process: Mapped[JsonObject | None] = mapped_column()
    process: Mapped[JsonObject | None] = mapped_column()
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(64))
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_requested_by: Mapped[str | None] = mapped_column(String(64))
    force_requested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    options: Mapped[JsonObject] = mapped_column(default=dict, server_default="{}")
    requires_approval: Mapped[bool] = mapped_column(default=False, server_default=false())
    overrides_windows: Mapped[bool] = mapped_column(default=False, server_default=false())
    resolution: Mapped[JsonObject | None] = mapped_column()
    holds_back: Mapped[bool] = mapped_column(default=False, server_default=false())
    resolves_id: Mapped[str | None] = mapped_column(String(40))
    orphans_searched_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    plan_summary: Mapped[JsonObject | None] = mapped_column()
    policy_results: Mapped[list[Any] | None] = mapped_column()
    cost: Mapped[JsonObject | None] = mapped_column(JSON(none_as_null=True))
    error: Mapped[JsonObject | None] = mapped_column()
    possibly_orphaned: Mapped[list[Any]] = mapped_column(default=list)
    has_unsaved_state: Mapped[bool] = mapped_column(default=False)
    blueprint_version: Mapped[str | None] = mapped_column(String(40))
    sealed_preview: Mapped[bytes | None] = mapped_column(LargeBinary)

    stack: Mapped[Stack] = relationship(lazy="joined", innerjoin=True)
    steps: Mapped[list[OperationStep]] = relationship(
        lazy="selectin", order_by="OperationStep.id", cascade="all, delete-orphan"
    )


class StoredPlan(Base):
    """The plan of an operation for people: masked changes, sealed apart from the lists.

    ``sealed_transition`` is what applying it does to what was agreed (``app.domain.agreement``).
    """

    __tablename__ = "operation_plans"

    operation_id: Mapped[str] = mapped_column(ForeignKey("operations.id"), primary_key=True)
    sealed_changes: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_transition: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OperationStep(Base):
    """One named step of an operation, with its timing."""

    __tablename__ = "operation_steps"

    id: Mapped[int] = mapped_column(AutoIncrement, primary_key=True)
    operation_id: Mapped[str] = mapped_column(ForeignKey("operations.id"), index=True)
    name: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    detail: Mapped[str | None] = mapped_column(String(1000))


class OperationEvent(Base):
    """One line of an operation's story; ``id`` is the cursor for readers and for SSE."""

    __tablename__ = "operation_events"
    __table_args__ = (Index("ix_operation_events_operation_id_id", "operation_id", "id"),)

    id: Mapped[int] = mapped_column(AutoIncrement, primary_key=True)
    operation_id: Mapped[str] = mapped_column(ForeignKey("operations.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    type: Mapped[str] = mapped_column(String(40))
    level: Mapped[str] = mapped_column(String(8), default="info")
    message: Mapped[str] = mapped_column(String(4000))
    data: Mapped[Any] = mapped_column(JSON, nullable=True)
