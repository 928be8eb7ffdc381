"""Notify workers: an RQ job that carries an operation id and nothing else.

SQL is the truth, and RQ a wake-up signal: a notification that is lost is sent again (ADR 0001).
"""

from __future__ import annotations

from redis import Redis
from redis.exceptions import RedisError, ResponseError
from rq import Queue
from rq.exceptions import NoSuchJobError

from app.logs import get_logger
from app.queue.jobs import CARRY_OUT, FAILED_JOB_SECONDS, AllowListedJob
from app.queue.queue_errors import QueueError

OPERATIONS_QUEUE = "operations"
DRIFT_QUEUE = "drift"
TICK_QUEUE = "tick"
CONNECT_SECONDS = 2.0
PROBE = "landform:probe"
PROBE_SECONDS = 60

log = get_logger(__name__)


def connect(url: str) -> Redis:
    """Return a client of the Redis at ``url`` that gives up quickly when it is not there."""
    return Redis.from_url(url, socket_connect_timeout=CONNECT_SECONDS)


def open_queue(name: str, connection: Redis) -> Queue:
    """Return the RQ queue ``name`` with Landform's job class."""
    return Queue(name, connection=connection, job_class=AllowListedJob)


class Notifier:
    """Puts operations on the queues, and tells whether one is already there."""

    def __init__(self, connection: Redis) -> None:
        """Use ``connection``; nothing is sent yet."""
        self.connection = connection

    def notify(self, operation_id: str, attempt: int, queue_name: str) -> bool:
        """Ask a worker to carry out an operation; tell whether Redis took it.

        Never raises when Redis is away: the operation is safe in SQL. The job has no time-out and
        no retry, because RQ would kill or repeat what it does not understand.
        """
        name = job_id(operation_id, attempt)
        try:
            with self.connection.pipeline() as pipe:
                pipe.multi()
                # RQ writes into what is there; the rest of somebody else's job would stay in it.
                pipe.delete(AllowListedJob.key_for(name))
                open_queue(queue_name, self.connection).enqueue_call(
                    CARRY_OUT,
                    args=(operation_id,),
                    job_id=name,
                    timeout=-1,
                    result_ttl=0,
                    failure_ttl=FAILED_JOB_SECONDS,
                    pipeline=pipe,
                )
                pipe.execute()
        except RedisError as error:
            log.warning("queue_unreachable", operation_id=operation_id, error=str(error))
            return False
        return True

    def is_notified(self, operation_id: str, attempt: int) -> bool:
        """Tell whether that notification still waits in a queue in which a worker can read it.

        Raises:
            RedisError: Redis cannot be asked.
        """
        name = job_id(operation_id, attempt)
        try:
            AllowListedJob.fetch(name, self.connection)
        except NoSuchJobError:
            return False
        queues = (open_queue(queue, self.connection) for queue in (OPERATIONS_QUEUE, DRIFT_QUEUE))
        # What the job says of itself may be of before its place in the queue was lost.
        return any(self.connection.lpos(queue.key, name) is not None for queue in queues)

    def count(self, queue_name: str) -> int:
        """Return how many notifications wait in a queue.

        Raises:
            RedisError: Redis cannot be asked.
        """
        return int(open_queue(queue_name, self.connection).count)

    def check(self) -> None:
        """Make sure that Redis takes work: one that is full or a replica answers, and refuses.

        Raises:
            QueueError: it does not answer, or refuses to be written.
        """
        try:
            self.connection.set(PROBE, "", ex=PROBE_SECONDS)
        except ResponseError as error:
            raise QueueError(f"Redis refuses to be written: {error}") from error
        except RedisError as error:
            raise QueueError(f"Redis does not answer ({type(error).__name__}).") from error

    def is_reachable(self) -> bool:
        """Tell whether Redis answers."""
        try:
            return bool(self.connection.ping())
        except RedisError:
            return False


def job_id(operation_id: str, attempt: int) -> str:
    """Name the RQ job of one notification."""
    return f"{operation_id}-{attempt}"
