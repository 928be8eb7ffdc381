"""What RQ knows about its workers, queues and failed jobs; reads Redis and decides nothing.

RQ's own cleaning is left alone on purpose: it moves and retries jobs, which is not for a reader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.utils import as_text

from app.queue.doorbell import DRIFT_QUEUE, OPERATIONS_QUEUE, TICK_QUEUE, open_queue
from app.queue.jobs import AllowListedJob

QUEUES = (TICK_QUEUE, OPERATIONS_QUEUE, DRIFT_QUEUE)
MAX_WORKERS = 200
# The class of an error begins a line of its own after the lines of a traceback, which are indented.
ERROR_CLASS = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.M)
RQS_OWN_WORDS = ("Work-horse ", "Moved to ")
MAX_REASON = 200


@dataclass(frozen=True)
class WorkerFacts:
    """One worker as RQ keeps it; ``state`` is RQ's word: ``idle``, ``busy``, ``suspended``."""

    name: str
    host: str
    pid: int | None
    state: str
    job_id: str | None
    queues: tuple[str, ...]
    born_at: datetime | None
    beat_at: datetime | None
    done: int
    failed: int
    busy_seconds: float


@dataclass(frozen=True)
class QueueFacts:
    """One queue: what waits, since when the oldest, what is in flight, what has failed."""

    name: str
    waiting: int
    oldest_at: datetime | None
    in_flight: int
    failed: int


@dataclass(frozen=True)
class FailedJob:
    """A job that ended with an error. ``subject`` is the operation whose ring it was, if any."""

    id: str
    queue: str
    subject: str | None
    at: datetime | None
    reason: str


def read_workers(connection: Redis) -> list[WorkerFacts]:
    """Return the workers that are registered, by name.

    Raises:
        RedisError: Redis cannot be asked.
    """
    keys = sorted(Worker.all_keys(connection))[:MAX_WORKERS]
    found = [(key, _texts(connection.hgetall(key))) for key in keys]
    return [_worker(key, facts) for key, facts in found if facts and "death" not in facts]


def read_queues(connection: Redis) -> list[QueueFacts]:
    """Return the queues in the order in which workers serve them.

    Raises:
        RedisError: Redis cannot be asked.
    """
    return [_queue(connection, name) for name in QUEUES]


def read_failed(connection: Redis, limit: int) -> list[FailedJob]:
    """Return the jobs that failed last, of all queues, newest first.

    Raises:
        RedisError: Redis cannot be asked.
    """
    found = [
        _failed(name, job)
        for name in QUEUES
        for job_id in _failures(connection, name).get_job_ids(
            0, limit - 1, desc=True, cleanup=False
        )
        if (job := _fetch(connection, job_id)) is not None
    ]
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(found, key=lambda item: item.at or never, reverse=True)[:limit]


def forget_failed(connection: Redis) -> int:
    """Delete the records of all failed jobs and return how many; the truth is in SQL.

    Raises:
        RedisError: Redis cannot be asked.
    """
    count = 0
    for name in QUEUES:
        registry = _failures(connection, name)
        for job_id in registry.get_job_ids(cleanup=False):
            registry.remove(job_id)
            if (job := _fetch(connection, job_id)) is not None:
                job.delete()
            count += 1
    return count


def _worker(key: str, facts: dict[str, str]) -> WorkerFacts:
    pid = facts.get("pid", "")
    return WorkerFacts(
        name=key.removeprefix(Worker.redis_worker_namespace_prefix),
        host=facts.get("hostname", ""),
        pid=int(pid) if pid.isdigit() else None,
        state=facts.get("state", ""),
        job_id=facts.get("current_job") or None,
        queues=tuple(filter(None, facts.get("queues", "").split(","))),
        born_at=_moment(facts.get("birth")),
        beat_at=_moment(facts.get("last_heartbeat")),
        done=int(facts.get("successful_job_count") or 0),
        failed=int(facts.get("failed_job_count") or 0),
        busy_seconds=float(facts.get("total_working_time") or 0),
    )


def _queue(connection: Redis, name: str) -> QueueFacts:
    queue = open_queue(name, connection)
    first = next((_fetch(connection, job_id) for job_id in queue.get_job_ids(0, 1)), None)
    started = StartedJobRegistry(name, connection, AllowListedJob)
    return QueueFacts(
        name=name,
        waiting=queue.count,
        oldest_at=first.enqueued_at if first else None,
        in_flight=started.get_job_count(cleanup=False),
        failed=_failures(connection, name).get_job_count(cleanup=False),
    )


def _failures(connection: Redis, name: str) -> FailedJobRegistry:
    return FailedJobRegistry(name, connection, AllowListedJob)


def _fetch(connection: Redis, job_id: str) -> Job | None:
    try:
        return AllowListedJob.fetch(job_id, connection)
    except NoSuchJobError:
        return None


def _failed(queue: str, job: Job) -> FailedJob:
    result = job.latest_result()
    text = (result.exc_string if result else None) or ""
    return FailedJob(
        id=job.id,
        queue=queue,
        subject=str(job.args[0]) if job.args else None,
        at=_aware(job.ended_at) or (_aware(result.created_at) if result else None),
        reason=_reason(text),
    )


def _reason(text: str) -> str:
    """Return the class of the error only: its message may hold anything, and the log has it."""
    if text.startswith(RQS_OWN_WORDS):
        return text.splitlines()[0][:MAX_REASON]
    classes = ERROR_CLASS.findall(text)
    return classes[-1][:MAX_REASON] if classes else "unknown"


def _texts(facts: Mapping[Any, Any]) -> dict[str, str]:
    return {as_text(key): as_text(value) for key, value in facts.items()}


def _moment(text: str | None) -> datetime | None:
    return _aware(datetime.fromisoformat(text)) if text else None


def _aware(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
