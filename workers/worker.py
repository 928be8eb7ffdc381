"""One RQ worker: ``python -m workers.worker``.

Forks a work-horse for each job but the tick. The application is built before the fork, so that a
job starts in milliseconds; the horse drops the database connections that it inherited.
"""

from __future__ import annotations

import gc
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from redis.client import Pipeline
from redis.exceptions import RedisError, ResponseError
from rq import Worker, worker_registration
from rq.exceptions import DeserializationError, StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import WorkerStatus
from sqlalchemy.exc import SQLAlchemyError

from app.clock import utc_now
from app.domain.host_roles import HostRole
from app.errors import LandformError
from app.logs import get_logger, log_with_process
from app.queue.jobs import TICK, AllowListedJob
from app.queue.key_types import forget_registries, remove_foreign_keys
from app.queue.notifier import DRIFT_QUEUE, OPERATIONS_QUEUE, TICK_QUEUE, open_queue
from app.services.engine.recovery.dead_runs import reap
from app.services.installation.instances import is_draining, join_instance
from app.services.installation.schema_fit import require_fitting_schema
from app.services.installation.shared_locks import require_shared_locks
from app.terraform.launcher import landlock_version
from app.terraform_account import choose_account, open_home
from app.tracing.setup import hand_over_spans
from workers.refusal import refuse
from workers.runtime import get_context, get_engine, library_log_level

QUEUES = (TICK_QUEUE, OPERATIONS_QUEUE, DRIFT_QUEUE)
# An idle worker beats after 15 s less; ``installation.health`` takes a minute's silence for death.
WORKER_TTL_SECONDS = 30
MAX_RECONNECT_SECONDS = 5.0
DRAIN_POLL_SECONDS = 1.0
FOREIGN = (ValueError, TypeError, KeyError, AttributeError, ResponseError)
"""What RQ raises at keys and names that it has not written itself."""

MAX_ERROR = 200
NO_LANDLOCK = "this kernel has no Landlock"

log = get_logger(__name__)


class LandformWorker(Worker):
    """An RQ worker whose horses do not share database connections with it."""

    max_connection_wait_time = MAX_RECONNECT_SECONDS
    is_drained: Callable[[], bool] = staticmethod(lambda: False)
    """Tells whether its host takes nothing new."""

    _has_rehearsed = False
    _is_waiting = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Have a horse do the job; rehearse for the next ones as soon as there is an operation.

        A tick asks SQL a few questions: to fork for it would take several times as long.
        """
        if _is_tick(job):
            self._tick(job, queue)
        elif self.is_drained():
            job.delete()  # SQL knows of it; others are notified
            return
        else:
            super().execute_job(job, queue)
        self.rehearse()

    def _tick(self, job: Job, queue: Queue) -> None:
        try:
            self.perform_job(job, queue, self.prepare_execution(job))
        finally:
            self.set_state(WorkerStatus.IDLE)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Fork a horse for a job; no connection to the database may be open then."""
        get_context().db.close()
        super().fork_work_horse(job, queue)

    def rehearse(self) -> None:
        """Let later horses find put together what each would put together for itself."""
        self._has_rehearsed = self._has_rehearsed or get_engine().rehearse()

    def subscribe(self) -> None:
        """Listen to nobody: a command through Redis could end an apply in the middle.

        Whoever operates Landform sends signals to its processes instead.
        """

    def check_for_suspension(self, burst: bool) -> None:
        """Take nothing while this host is drained; a word in Redis stops nobody."""
        while not self._stop_requested and self.is_drained():
            self.heartbeat()
            time.sleep(DRAIN_POLL_SECONDS)

    def register_birth(self) -> None:
        """Say that this worker begins, whatever stood where RQ writes that."""
        try:
            super().register_birth()  # type: ignore[no-untyped-call]
        except ResponseError:
            self.connection.delete(self.key)
            remove_foreign_keys(self.connection)
            super().register_birth()  # type: ignore[no-untyped-call]

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Say that this worker lives, also to a Redis that was flushed since its birth.

        What somebody else put into the keys of RQ must not end a worker, nor the look after a job.
        """
        try:
            super().heartbeat(timeout, pipeline)
            worker_registration.register(self, pipeline)
        except ResponseError as error:
            log.warning("heartbeat_refused", error=str(error))
            self.connection.delete(self.key)
            remove_foreign_keys(self.connection)

    def run_maintenance_tasks(self) -> None:
        """Clean up as RQ does; where it stops at what somebody else wrote, forget all of that."""
        try:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]
        except FOREIGN as error:
            log.warning("registries_forgotten", error=str(error)[:MAX_ERROR])
            forget_registries(self.connection)
            self.last_cleaned_at = utc_now()  # type: ignore[assignment]  # as RQ does itself

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Wait for the next job, and pass over entries of a queue that name none."""
        self._is_waiting = True
        try:
            while not self._stop_requested:
                try:
                    return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)
                except (ValueError, TypeError) as error:  # the entry has left the queue already
                    log.warning("foreign_entry_passed_over", error=str(error)[:MAX_ERROR])
            raise StopRequested
        finally:
            self._is_waiting = False

    def _shutdown(self) -> None:
        """Note a request to stop; only the wait for a job is broken off.

        RQ raises wherever an idle worker happens to be. In the middle of a question to SQL that
        breaks the connection, and whoever catches errors there loses the request.
        """
        self._stop_requested = True
        if self._is_waiting:
            raise StopRequested

    def main_work_horse(self, job: Job, queue: Queue) -> Any:
        """Run one job in the forked child, which outlives its worker.

        The kernel sends SIGHUP to a stopped process whose parent dies.
        """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        get_context().db.forget_connections()
        return super().main_work_horse(job, queue)


def is_host_drained() -> bool:
    """Ask SQL; a worker goes on while that is away, since no operation begins without it."""
    ctx = get_context()
    try:
        return is_draining(ctx)
    except SQLAlchemyError as error:
        log.warning("drain_not_known", error=str(error)[:MAX_ERROR])
        return False


def _is_tick(job: Job) -> bool:
    try:
        return bool(job.func_name == TICK)
    except DeserializationError:
        return False  # somebody else's; its horse refuses it


def main() -> int:
    """Work until SIGTERM, which lets a running job end first; return the exit code."""
    try:
        ctx = get_context()
        require_fitting_schema(ctx)
        require_shared_locks(ctx, holds=False)
        choice = choose_account(ctx.settings)
        open_home(ctx.settings, choice.account)
        binary = get_engine().binary  # asked once here, not in every horse
    except LandformError as error:
        return refuse(error)
    log.info(
        "worker_starts",
        terraform=binary.version,
        flavor=binary.flavor,
        terraform_user=choice.account.uid if choice.account else None,
        landlock=landlock_version(),
    )
    if choice.account is None or not landlock_version():
        log.warning("terraform_less_confined", reason=choice.reason or NO_LANDLOCK)
    log_with_process(instance_id=join_instance(ctx, HostRole.WORKER))
    hand_over_spans(ctx.settings)
    reap(ctx)
    connection = ctx.notifier.connection
    worker = LandformWorker(
        [open_queue(name, connection) for name in QUEUES],
        connection=connection,
        job_class=AllowListedJob,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_SECONDS,
    )
    worker.is_drained = is_host_drained
    worker.rehearse()
    gc.freeze()  # what is loaded stays; horses need not look through it again and again
    try:
        worker.work(with_scheduler=False, logging_level=library_log_level(ctx.settings))
    except RedisError as error:
        log.error("redis_lost", error=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
