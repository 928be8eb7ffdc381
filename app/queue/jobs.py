"""The RQ job class of Landform: JSON only, and only functions on the allow-list.

Whoever can write to Redis could otherwise make a worker import and call anything. Every Queue,
Worker and Scheduler uses this class.
"""

from __future__ import annotations

from typing import Any

from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

CARRY_OUT = "workers.jobs.carry_out"
TICK = "workers.jobs.tick"
ALLOWED_FUNCTIONS = frozenset({CARRY_OUT, TICK})


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
        """Load the job and drop call-backs, web hooks, retries and repetitions.

        Landform uses none of them, so one in Redis is hostile: RQ would call any function, send a
        request anywhere, or run an operation twice.
        """
        result = super().restore(raw_data)
        self.webhooks = []
        self.retries_left = self.repeats_left = None
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        return result

    @property
    def func(self) -> Any:
        """Return the function to call.

        Raises:
            ForbiddenJobError: the name is not on the allow-list, or the job carries an instance.
        """
        if self.func_name not in ALLOWED_FUNCTIONS or self.instance is not None:
            raise ForbiddenJobError(f"The queue may not call {self.func_name!r}.")
        return super().func
