"""Webhooks, the events they are told of, and the deliveries: one row for each event and webhook."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import UtcDateTime
from app.models.base import Base, JsonObject
from app.models.operation import AutoIncrement
from app.models.project import Project


class Webhook(Base):
    """Somebody who wants to be told; of one project, or of all when ``project_id`` is null.

    ``claim`` names the sender at work until ``claimed_until``; ``dead_in_a_row`` counts deliveries
    that were given up since the last one that arrived; ``is_slow`` is whether its last answer took
    long or never came.
    """

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    sealed_url: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_secret_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    events: Mapped[list[Any]] = mapped_column(default=list)
    format: Mapped[str] = mapped_column(String(10))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    disabled_because: Mapped[str | None] = mapped_column(String(200))
    dead_in_a_row: Mapped[int] = mapped_column(default=0)
    is_slow: Mapped[bool] = mapped_column(default=False, server_default=false())
    claim: Mapped[str | None] = mapped_column(String(40))
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)

    project: Mapped[Project | None] = relationship(lazy="joined")


class WebhookEvent(Base):
    """Something that somebody wants to be told; ``data`` never holds secret values."""

    __tablename__ = "webhook_events"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    type: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    data: Mapped[JsonObject] = mapped_column()


class WebhookDelivery(Base):
    """One event for one webhook, in the order of ``number``, and how its last attempt went.

    While it ``holds_back``, those behind it wait for it.
    """

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("id", name="uq_webhook_deliveries_id"),
        Index("ix_webhook_deliveries_webhook_id_number", "webhook_id", "number"),
        Index("ix_webhook_deliveries_status_webhook_id_number", "status", "webhook_id", "number"),
        Index("ix_webhook_deliveries_event_id", "event_id"),
        Index("ix_webhook_deliveries_created_at", "created_at"),
    )

    number: Mapped[int] = mapped_column(AutoIncrement, primary_key=True)
    id: Mapped[str] = mapped_column(String(40))
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("webhook_events.id"))
    redelivery_of: Mapped[str | None] = mapped_column(String(40))
    status: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int] = mapped_column(default=0)
    holds_back: Mapped[bool] = mapped_column(default=True, server_default=true())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    attempted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    response_status: Mapped[int | None] = mapped_column()
    response_excerpt: Mapped[str | None] = mapped_column(String(500))
    duration_ms: Mapped[int | None] = mapped_column()
    error: Mapped[str | None] = mapped_column(String(300))

    event: Mapped[WebhookEvent] = relationship(lazy="joined", innerjoin=True)
