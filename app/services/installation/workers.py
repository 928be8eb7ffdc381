"""Who does the work: workers and queues, and what a person may safely do about them.

Everything here is safe at any time: SQL is the truth, and a notification may be repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from app.domain.permissions import ServiceRight
from app.errors import UnavailableError
from app.models import InstallationFact
from app.queue.inspection import (
    FailedJob,
    QueueFacts,
    WorkerFacts,
    forget_failed,
    read_failed,
    read_queues,
    read_workers,
)
from app.services import audit
from app.services.access import Principal, require_service
from app.services.context import Context
from app.services.drift.health import Pulse, read_pulse
from app.services.installation.health import SCHEDULER
from app.services.queue.redelivery import notify_again
from app.services.queue.waits import CAPACITY
from app.services.work import perform

FAILED_ROWS = 20
RIGHT = ServiceRight.MAINTENANCE_MANAGE


@dataclass(frozen=True)
class Workforce:
    """What Redis tells of workers and queues; nothing when it is away."""

    is_reachable: bool
    workers: list[WorkerFacts]
    queues: list[QueueFacts]
    failed: list[FailedJob]


@dataclass(frozen=True)
class Clock:
    """When what works on schedule was last heard of, and the limits that hold work back now.

    ``round_at`` is the scheduler's last round, ``tick`` the last tick that a worker carried out.
    """

    round_at: datetime | None
    tick: Pulse
    short_of_memory: dict[str, str]
    is_drift_full: bool


def read_workforce(ctx: Context) -> Workforce:
    """Return what Redis tells now."""
    redis = ctx.notifier.connection
    try:
        return Workforce(
            True, read_workers(redis), read_queues(redis), read_failed(redis, FAILED_ROWS)
        )
    except RedisError:
        return Workforce(False, [], [], [])


def read_clock(ctx: Context) -> Clock:
    """Return what the scheduler and the detector noted last."""
    with ctx.read() as session:
        beat = session.get(InstallationFact, SCHEDULER)
        capacity = session.get(InstallationFact, CAPACITY)
    limits = capacity.value if capacity else {}
    return Clock(
        round_at=beat.updated_at if beat else None,
        tick=read_pulse(ctx),
        short_of_memory=limits.get("memory", {}),
        is_drift_full=bool(limits.get("is_drift_full")),
    )


def requeue_waiting(ctx: Context, principal: Principal) -> int:
    """Notify workers of what may start and waits in no queue; return how many operations.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
        UnavailableError: Redis does not answer.
    """
    _require_redis(ctx, principal)
    count = notify_again(ctx)
    _record(ctx, principal, "queue.ring", count)
    return count


def forget_failed_jobs(ctx: Context, principal: Principal) -> int:
    """Delete the records of failed jobs; no operation is touched. Return how many there were.

    Raises:
        PermissionDeniedError: the caller is no administrator of this Landform.
        UnavailableError: Redis does not answer.
    """
    _require_redis(ctx, principal)
    try:
        count = forget_failed(ctx.notifier.connection)
    except RedisError as error:
        raise UnavailableError("Redis does not answer.") from error
    _record(ctx, principal, "queue.forget_failed", count)
    return count


def _require_redis(ctx: Context, principal: Principal) -> None:
    require_service(principal, RIGHT)
    if not ctx.notifier.is_reachable():
        raise UnavailableError("Redis does not answer; nothing was changed.")


def _record(ctx: Context, principal: Principal, action: str, count: int) -> None:
    with perform(ctx, principal) as work:
        audit.record(work, action, "queue", "all", count=count)
