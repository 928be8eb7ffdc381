"""What RQ knows about its workers, queues and failed jobs; reads Redis and decides nothing.

RQ's own cleaning is left alone on purpose: it moves and retries jobs, which is not for a reader.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError
from rq import Worker
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry, StartedJobRegistry
from rq.results import Result
from rq.utils import as_text

from app.queue.jobs import AllowListedJob
from app.queue.notifier import DRIFT_QUEUE, OPERATIONS_QUEUE, TICK_QUEUE, open_queue

QUEUES = (TICK_QUEUE, OPERATIONS_QUEUE, DRIFT_QUEUE)
MAX_WORKERS = 200
MAX_COUNTED = 10_000
# The class of an error begins a line of its own after the lines of a traceback, which are indented.
ERROR_CLASS = re.compile(r"^([A-Za-z_][\w.]*)(?::|$)", re.M)
RQS_OWN_WORDS = ("Work-horse ", "Moved to ")
MAX_REASON = 200
MAX_SUBJECT = 60


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
    """A job that ended with an error. ``subject`` is the operation that it was about, if any."""

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
    keys = sorted(_names(connection.smembers(Worker.redis_workers_keys)))[:MAX_WORKERS]
    found = [(key, _facts(connection, key)) for key in keys]
    return [_worker(key, facts) for key, facts in found if facts and "death" not in facts]


def count_beating(connection: Redis, since: datetime) -> int:
    """Return how many workers have given a sign of life ``since``.

    RQ's own count goes on for minutes with workers that were killed, and stops at a foreign name.

    Raises:
        RedisError: Redis cannot be asked.
    """
    keys = _names(connection.smembers(Worker.redis_workers_keys))[:MAX_COUNTED]
    heartbeats = (_moment(_facts(connection, key).get("last_heartbeat")) for key in keys)
    return sum(heartbeat is not None and heartbeat > since for heartbeat in heartbeats)


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
        for job_id in _ids(connection, name, limit)
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
        for raw in cast("list[bytes]", connection.zrange(registry.key, 0, -1)):
            connection.zrem(registry.key, raw)
            connection.delete(Job.redis_job_namespace_prefix.encode() + raw)
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
        done=int(_number(facts.get("successful_job_count"))),
        failed=int(_number(facts.get("failed_job_count"))),
        busy_seconds=_number(facts.get("total_working_time")),
    )


def _queue(connection: Redis, name: str) -> QueueFacts:
    queue = open_queue(name, connection)
    first = next(
        (_fetch(connection, job_id) for job_id in _names(connection.lrange(queue.key, 0, 0))), None
    )
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
    result = _result(job)
    text = (result.exc_string if result else None) or ""
    return FailedJob(
        id=job.id[:MAX_REASON],
        queue=queue,
        subject=_subject(job),
        at=_aware(job.ended_at) or (_aware(result.created_at) if result else None),
        reason=_reason(text),
    )


def _result(job: Job) -> Result | None:
    try:
        return job.latest_result()
    except (ValueError, TypeError, KeyError, AttributeError, ResponseError):
        return None  # not written by RQ


def _subject(job: Job) -> str | None:
    """Return the operation that a job names; a job that Landform did not write names none."""
    try:
        arguments: Any = job.args
    except DeserializationError:
        return None
    first = arguments[0] if isinstance(arguments, list | tuple) and arguments else None
    return first if isinstance(first, str) and len(first) <= MAX_SUBJECT else None


def _ids(connection: Redis, name: str, limit: int) -> list[str]:
    raw = connection.zrevrange(_failures(connection, name).key, 0, limit - 1)
    return _names(raw)


def _names(raw: Any) -> list[str]:
    return [item.decode(errors="replace") for item in cast("Iterable[bytes]", raw)]


def _facts(connection: Redis, key: str) -> dict[str, str]:
    """Return what is kept of a worker; nothing when something else has its key."""
    try:
        return _texts(connection.hgetall(key))
    except (ResponseError, UnicodeDecodeError):
        return {}


def _number(text: str | None) -> float:
    try:
        number = float(text or 0)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) else 0.0


def _reason(text: str) -> str:
    """Return the class of the error only: its message may hold anything, and the log has it."""
    if text.startswith(RQS_OWN_WORDS):
        return text.splitlines()[0][:MAX_REASON]
    classes = ERROR_CLASS.findall(text)
    return classes[-1][:MAX_REASON] if classes else "unknown"


def _texts(facts: Mapping[Any, Any]) -> dict[str, str]:
    return {as_text(key): as_text(value) for key, value in facts.items()}


def _moment(text: str | None) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(text)) if text else None
    except ValueError:
        return None


def _aware(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
