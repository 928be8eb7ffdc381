"""The scheduler process: ``python -m workers.scheduler``.

The main thread runs rq-scheduler with its one periodic entry, the tick. A second thread does what
must not depend on Redis or on a free worker: it finds dead workers, rings unheard operations, and
puts the tick back when Redis lost it.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta
from typing import NoReturn

from redis.exceptions import RedisError
from rq_scheduler import Scheduler
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.errors import LandformError
from app.logs import get_logger
from app.queue.doorbell import TICK_QUEUE, open_queue
from app.queue.jobs import TICK, AllowListedJob
from app.services.audit_anchors import Anchorer
from app.services.context import Context
from app.services.detector import record_pulse
from app.services.dispatch import record_capacity
from app.services.drift.checks import tell_unknown
from app.services.drift.digest import tell_digests
from app.services.drift.rules import uncover_expired
from app.services.drift.trend import count_today
from app.services.engine.salvage import reap, remove_leftovers, save_unsaved
from app.services.headroom import keep_ballasts
from app.services.health import record_scheduler_beat, record_storage_trouble
from app.services.idempotency import forget_expired
from app.services.orphan_search import search_orphans
from app.services.retention import prune_states
from app.services.sign_in_throttle import forget_old_failures
from app.services.sweeper import ring_unheard
from app.services.webhooks.deliveries import forget_old
from workers.runtime import get_context
from workers.webhook_sender import WebhookSender

TICK_ID = "landform-tick"
KEEPER_SECONDS = 2.0
PRUNE_SECONDS = 3600.0
COUNT_SECONDS = 600
REDIS_RETRY_SECONDS = 1.0

log = get_logger(__name__)


class Keeper(threading.Thread):
    """Does the rounds that keep SQL and reality together, every ``KEEPER_SECONDS``."""

    def __init__(self, ctx: Context) -> None:
        """Prepare a thread that ends with the process."""
        super().__init__(name="keeper", daemon=True)
        self._ctx = ctx
        self._prune_at = 0.0
        self._count_at = 0.0
        self.anchorer = Anchorer(ctx)

    def run(self) -> None:
        """Go round for ever; trouble with the database or a volume ends one round only."""
        while True:
            try:
                self.go_round()
            except (SQLAlchemyError, LandformError, OSError) as error:
                log.error("keeper_round_failed", error=str(error))
            time.sleep(KEEPER_SECONDS)

    def go_round(self) -> None:
        """Do everything once."""
        record_scheduler_beat(self._ctx)
        record_storage_trouble(self._ctx)
        keep_ballasts(self._ctx)
        record_capacity(self._ctx)
        reap(self._ctx)
        save_unsaved(self._ctx)
        remove_leftovers(self._ctx)
        search_orphans(self._ctx)
        uncover_expired(self._ctx)
        tell_unknown(self._ctx)
        tell_digests(self._ctx)
        self._count_drift()
        ring_unheard(self._ctx)
        with self._ctx.write() as session:
            forget_expired(session)
            forget_old_failures(session)
        assert_tick(self._ctx)
        self._prune()
        self.anchorer.keep()

    def _count_drift(self) -> None:
        """Count for the trend now and then; the last count of a day is the one that stays."""
        if time.monotonic() >= self._count_at:
            count_today(self._ctx)
            self._count_at = time.monotonic() + COUNT_SECONDS

    def _prune(self) -> None:
        """Remove what is old once an hour, a little at a time so that a round stays short."""
        if time.monotonic() < self._prune_at:
            return
        removed = prune_states(self._ctx)
        with self._ctx.write() as session:
            removed += forget_old(session)
        self._prune_at = time.monotonic() + (0 if removed else PRUNE_SECONDS)


def assert_tick(ctx: Context) -> None:
    """Put the tick into rq-scheduler unless it is there; Redis may have been flushed."""
    scheduler = make_scheduler(ctx)
    try:
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
    connection = ctx.doorbell.connection
    return Scheduler(
        queue=open_queue(TICK_QUEUE, connection),
        connection=connection,
        interval=1,
        job_class=AllowListedJob,
    )


def main() -> int:
    """Schedule until SIGTERM; return the exit code."""
    try:
        ctx = get_context()
    except LandformError as error:
        print(error.detail, file=sys.stderr)
        return 2
    record_pulse(ctx)  # from now on the tick must follow
    keeper = Keeper(ctx)
    keeper.start()
    WebhookSender(ctx).start()
    try:
        _schedule(ctx)
    finally:
        keeper.anchorer.write()


def _schedule(ctx: Context) -> NoReturn:
    """Run rq-scheduler until it exits at a signal."""
    while True:
        try:
            scheduler = make_scheduler(ctx)
            schedule_tick(scheduler, ctx.settings.tick_seconds)
            scheduler.run()
        except RedisError as error:
            # rq-scheduler gives up when Redis restarts; the keeper must go on, so try again here.
            log.warning("scheduler_lost_redis", error=str(error))
            time.sleep(REDIS_RETRY_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
