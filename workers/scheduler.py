"""The scheduler process: ``python -m workers.scheduler``.

The main thread runs rq-scheduler with its one periodic entry, the tick. A second thread is the
maintenance loop, which also puts the tick back when Redis lost it. It is the agent of its host too.
Of several schedulers one leads (``installation.leadership``); the others look after their hosts.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import Any, NoReturn

from redis.exceptions import RedisError
from rq_scheduler import Scheduler

from app.clock import utc_now
from app.domain.host_roles import HostRole
from app.errors import LandformError
from app.logs import get_logger, log_with_process
from app.queue.jobs import TICK, AllowListedJob
from app.queue.key_types import remove_foreign_keys
from app.queue.notifier import TICK_QUEUE, open_queue
from app.services.context import Context
from app.services.drift.health import record_pulse
from app.services.installation.instances import end_instance, join_instance
from app.services.installation.schema_fit import require_fitting_schema
from app.services.installation.shared_locks import require_shared_locks
from app.tracing.setup import LAST_SPANS_SECONDS, serve_relay
from workers.duties import SOON_SECONDS, Duty
from workers.lease_watchdog import LeaseWatchdog
from workers.maintenance import MaintenanceLoop
from workers.refusal import refuse
from workers.runtime import get_context
from workers.webhook_sender import WebhookSender

TICK_ID = "landform-tick"
REDIS_RETRY_SECONDS = 1.0
# How often rq-scheduler looks; an instance that is killed holds its lock for 10 s longer than that.
MAX_INTERVAL_SECONDS = 5

log = get_logger(__name__)


class TickScheduler(Scheduler):  # type: ignore[misc]  # it ships no types
    """An rq-scheduler that knows the tick alone, whatever somebody wrote to Redis."""

    def get_jobs_to_queue(self, with_times: bool = False) -> Any:
        """Return the tick when it is due, and remove every other entry."""
        for name in self.connection.zrange(self.scheduled_jobs_key, 0, -1):
            if name != TICK_ID.encode():
                self.connection.zrem(self.scheduled_jobs_key, name)
        return super().get_jobs_to_queue(with_times)


def assert_tick(ctx: Context) -> None:
    """Put the tick into rq-scheduler unless it is there; Redis may have been flushed."""
    scheduler = make_scheduler(ctx)
    try:
        if removed := remove_foreign_keys(ctx.notifier.connection):
            log.warning("foreign_keys_removed", keys=removed)
        if TICK_ID not in scheduler or not AllowListedJob.exists(TICK_ID, scheduler.connection):
            schedule_tick(scheduler, ctx.settings.tick_seconds)
    except RedisError as error:
        log.warning("tick_not_asserted", error=str(error))


def schedule_tick(scheduler: Scheduler, seconds: int) -> None:
    """Schedule the tick under its fixed id, replacing an earlier one."""
    first = (utc_now() + timedelta(seconds=seconds)).replace(tzinfo=None)
    scheduler.schedule(first, TICK, interval=seconds, id=TICK_ID, queue_name=TICK_QUEUE, timeout=60)


def make_scheduler(ctx: Context) -> Scheduler:
    """Return an rq-scheduler on the tick queue with Landform's job class."""
    connection = ctx.notifier.connection
    return TickScheduler(
        queue=open_queue(TICK_QUEUE, connection),
        connection=connection,
        interval=min(ctx.settings.tick_seconds, MAX_INTERVAL_SECONDS),
        job_class=AllowListedJob,
    )


def main() -> int:
    """Schedule until SIGTERM; return the exit code."""
    try:
        ctx = get_context()
        require_fitting_schema(ctx)
        join_instance(ctx, HostRole.SCHEDULER)
        own = join_instance(ctx, HostRole.AGENT)
        require_shared_locks(ctx)
        traces = serve_relay(ctx.settings)
    except LandformError as error:
        return refuse(error)
    log_with_process(instance_id=own)
    record_pulse(ctx)  # from now on the tick must follow
    keep_tick = Duty("assert_tick", assert_tick, SOON_SECONDS, needs_redis=True)
    maintenance = MaintenanceLoop(ctx, keep_tick)
    maintenance.start()
    LeaseWatchdog(ctx).start()
    WebhookSender(ctx).start()
    try:
        _schedule(ctx)
    finally:
        maintenance.conclude()
        end_instance(ctx)
        if traces is not None:
            traces.close(LAST_SPANS_SECONDS)


def _schedule(ctx: Context) -> NoReturn:
    """Run rq-scheduler until it exits at a signal."""
    while True:
        try:
            scheduler = make_scheduler(ctx)
            schedule_tick(scheduler, ctx.settings.tick_seconds)
            scheduler.run()
        except RedisError as error:
            # rq-scheduler gives up when Redis restarts; the other thread must go on.
            log.warning("scheduler_lost_redis", error=str(error))
            time.sleep(REDIS_RETRY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
