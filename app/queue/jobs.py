"""The RQ job class of Landform: JSON only, and only functions on the allow-list.

Whoever can write to Redis could otherwise make a worker import and call anything, or end it in the
middle of an apply. Every Queue, Worker and Scheduler uses this class. What is no job of Landform's
does not exist for them: RQ passes over a job that is gone, and stops at one that it cannot read.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from redis.exceptions import ResponseError
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

CARRY_OUT = "workers.jobs.carry_out"
TICK = "workers.jobs.tick"
ALLOWED_FUNCTIONS = frozenset({CARRY_OUT, TICK})
TIMEOUTS = {CARRY_OUT: -1, TICK: 60}
"""Never what Redis says: RQ raises its time-out in the middle of whatever the job does."""

FAILED_JOB_SECONDS = 24 * 3600
MAX_JOB_BYTES = 64 * 1024
MAX_INTERVAL_SECONDS = 86400


class ForbiddenJobError(Exception):
    """A job in Redis names a function that Landform does not offer to the queue."""


class AllowListedJob(Job):
    """A job whose function must be one of ``ALLOWED_FUNCTIONS``."""

    def __init__(
        self,
        id: str | None = None,  # noqa: A002  # RQ's own name for it
        connection: Redis | None = None,
        serializer: Any = None,
    ) -> None:
        """Make a job that is serialised as JSON whatever the caller asks (rq-scheduler forgets)."""
        super().__init__(id, connection=connection, serializer=JSONSerializer)

    def restore(self, raw_data: Any) -> Any:
        """Load the job and drop call-backs, web hooks, retries, repetitions and other extras.

        Landform uses none of them, so one in Redis is hostile: RQ would call any function, send a
        request anywhere, import a class of queues, or run an operation twice.

        Raises:
            NoSuchJobError: it is too large, or no job that RQ could have written.
        """
        if sum(len(key) + len(value) for key, value in raw_data.items()) > MAX_JOB_BYTES:
            raise NoSuchJobError(f"The job {self.id} is too large.")
        try:
            result = super().restore(raw_data)
            interval = self.meta.get("interval")
        except (ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
            raise NoSuchJobError(f"The job {self.id} cannot be read.") from error
        is_interval = type(interval) is int and 0 < interval <= MAX_INTERVAL_SECONDS
        self.meta = {"interval": interval} if is_interval else {}
        self.timeout = self._own_timeout()
        self.result_ttl, self.failure_ttl, self.ttl = 0, FAILED_JOB_SECONDS, None
        self.rate_limit_key = self.rate_limit_concurrency = self.group_id = None
        self._dependency_ids = []
        self.webhooks = []
        self.retries_left = self.repeats_left = None
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        return result

    @classmethod
    def fetch(
        cls,
        id: str,  # noqa: A002  # RQ's own name for it
        connection: Redis | None = None,
        serializer: Any = None,
    ) -> Job:
        """Return a job.

        Raises:
            NoSuchJobError: there is none, it cannot be read, or RQ knows no such ids.
        """
        try:
            return super().fetch(id, connection=connection, serializer=serializer)
        except ValueError as error:
            raise NoSuchJobError("The id of the job is none of RQ's.") from error

    def refresh(self) -> None:
        """Load the job anew.

        Raises:
            NoSuchJobError: there is none, or something else has its key.
        """
        try:
            super().refresh()  # type: ignore[no-untyped-call]
        except ResponseError as error:
            raise NoSuchJobError(f"The key of the job {self.id} holds something else.") from error

    def _own_timeout(self) -> int:
        try:
            name = self.func_name
        except DeserializationError:
            return TIMEOUTS[TICK]
        return TIMEOUTS.get(name, TIMEOUTS[TICK]) if isinstance(name, str) else TIMEOUTS[TICK]

    @property
    def func(self) -> Any:
        """Return the function to call.

        Raises:
            ForbiddenJobError: the name is not on the allow-list, or the job carries an instance.
        """
        name = self.func_name
        if not isinstance(name, str) or name not in ALLOWED_FUNCTIONS or self.instance is not None:
            raise ForbiddenJobError(f"The queue may not call {str(name)[:100]!r}.")
        return super().func
