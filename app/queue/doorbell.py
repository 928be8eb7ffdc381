"""Ring the workers: an RQ job that carries an operation id and nothing else.

SQL is the truth, Redis a doorbell: a ring that is lost is made up for by the sweeper.
"""

from __future__ import annotations

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.job import JobStatus

from app.logs import get_logger
from app.queue.jobs import CARRY_OUT, AllowListedJob

OPERATIONS_QUEUE = "operations"
DRIFT_QUEUE = "drift"
TICK_QUEUE = "tick"
FAILED_JOB_SECONDS = 24 * 3600
CONNECT_SECONDS = 2.0

log = get_logger(__name__)


def connect(url: str) -> Redis:
    """Return a client of the Redis at ``url`` that gives up quickly when it is not there."""
    return Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS)


def open_queue(name: str, connection: Redis) -> Queue:
    """Return the RQ queue ``name`` with Landform's job class."""
    return Queue(name, connection=connection, job_class=AllowListedJob)


class Doorbell:
    """Puts operations on the queues, and tells whether one is already there."""

    def __init__(self, connection: Redis) -> None:
        """Use ``connection``; nothing is sent yet."""
        self.connection = connection

    def ring(self, operation_id: str, attempt: int, queue_name: str) -> bool:
        """Ask a worker to carry out an operation; tell whether Redis took it.

        Never raises when Redis is away: the operation is safe in SQL. The job has no time-out and
        no retry, because RQ would kill or repeat what it does not understand.
        """
        try:
            open_queue(queue_name, self.connection).enqueue_call(
                CARRY_OUT,
                args=(operation_id,),
                job_id=job_id(operation_id, attempt),
                timeout=-1,
                result_ttl=0,
                failure_ttl=FAILED_JOB_SECONDS,
            )
        except RedisError as error:
            log.warning("doorbell_unreachable", operation_id=operation_id, error=str(error))
            return False
        return True

    def is_rung(self, operation_id: str, attempt: int) -> bool:
        """Tell whether that ring still waits in a queue.

        Raises:
            RedisError: Redis cannot be asked.
        """
        name = job_id(operation_id, attempt)
        if not AllowListedJob.exists(name, self.connection):
            return False
        job = AllowListedJob.fetch(name, self.connection)
        return job.get_status() == JobStatus.QUEUED

    def count(self, queue_name: str) -> int:
        """Return how many rings wait in a queue.

        Raises:
            RedisError: Redis cannot be asked.
        """
        return int(open_queue(queue_name, self.connection).count)

    def is_reachable(self) -> bool:
        """Tell whether Redis answers."""
        try:
            return bool(self.connection.ping())
        except RedisError:
            return False


def job_id(operation_id: str, attempt: int) -> str:
    """Name the RQ job of one ring."""
    return f"{operation_id}-{attempt}"
