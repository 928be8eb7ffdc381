"""Figures about Landform's own processes for Prometheus: hosts, the scheduler, workers, room."""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.db import database_now
from app.errors import LandformError
from app.models import InstallationFact, Instance
from app.queue.inspection import count_beating
from app.services.context import Context
from app.services.installation.health import SCHEDULER, SILENT_AFTER
from app.services.installation.hosts import LIVING, InstanceStatus, describe

SHOWN = timedelta(days=1)
"""An instance that was lost longer ago and holds nothing is not shown any more."""


@dataclass(frozen=True)
class InstanceFigures:
    """One instance that should be alive: how long it has been silent, and what it holds."""

    id: str
    host: str
    silent_seconds: float
    held: int


@dataclass(frozen=True)
class InstanceCensus:
    """Instances by status, and those that have neither been stopped nor declared gone."""

    by_status: dict[str, int]
    expected: list[InstanceFigures]


def read_instances(session: Session) -> InstanceCensus:
    """Return how the instances are, by the database's clock."""
    now = database_now(session)
    found = describe(session, session.scalars(select(Instance).order_by(Instance.id)).all())
    # One without a role is that of a preparation in a container of its own, which has ended.
    shown = [
        item
        for item in found
        if item.held or (item.row.roles and now - item.row.heartbeat_at <= SHOWN)
    ]
    counted = Counter(item.status for item in shown)
    expected = [
        InstanceFigures(
            item.row.id,
            item.row.name,
            max(0.0, (now - item.row.heartbeat_at).total_seconds()),
            item.held,
        )
        for item in shown
        if item.status in (*LIVING, InstanceStatus.SILENT)
    ]
    return InstanceCensus({status.value: counted[status] for status in InstanceStatus}, expected)


def read_scheduler_beat(session: Session) -> datetime | None:
    """Return when a scheduler last gave a sign of life."""
    fact = session.get(InstallationFact, SCHEDULER)
    return fact.updated_at if fact is not None else None


def count_workers(ctx: Context) -> int | None:
    """Return how many workers give signs of life; None while Redis is away."""
    try:
        return count_beating(ctx.notifier.connection, utc_now() - SILENT_AFTER)
    except RedisError:
        return None


def read_room(ctx: Context) -> dict[str, int]:
    """Return the free bytes of the places of this host, but those that do not answer."""
    room: dict[str, int] = {}
    with suppress(LandformError):  # its check says so
        if ctx.uses_volume():
            room["volume"] = ctx.volume().free_bytes()
    with suppress(OSError):
        room["work_folder"] = shutil.disk_usage(ctx.settings.work_dir).free
    return room
