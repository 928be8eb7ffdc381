"""Somebody who can write to Redis ends no apply and has nothing called, imported or sent."""

from __future__ import annotations

import json
import os
import pickle
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from rq.command import send_kill_horse_command, send_shutdown_command
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq_scheduler import Scheduler

from app.queue.inspection import count_beating
from app.queue.jobs import CARRY_OUT, TICK, AllowListedJob, ForbiddenJobError
from app.queue.key_types import EXPECTED_TYPES, REGISTRIES, SWEPT, remove_foreign_keys
from app.queue.notifier import (
    DRIFT_QUEUE,
    OPERATIONS_QUEUE,
    TICK_QUEUE,
    Notifier,
    open_queue,
)
from app.services.context import build_context
from tests.conftest import MakeSettings
from tests.running import redis_url_of, running_landform, wait_until
from workers.scheduler import TICK_ID, make_scheduler, schedule_tick
from workers.worker import LandformWorker

COMMANDS = ("shutdown", "kill-horse", "stop-job", "stop-execution", "kill-worker")


@pytest.fixture
def redis(fresh_redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(fresh_redis_url) as client:
        yield client


def put_job(redis: Redis, function: Any, arguments: Any = (), **fields: Any) -> str:
    """Write a job as RQ writes it, or otherwise."""
    data = json.dumps([function, None, arguments, {}]).encode()
    job = {"data": zlib.compress(data), "status": "queued", "origin": OPERATIONS_QUEUE}
    redis.hset("rq:job:foreign", mapping=job | fields)
    return "foreign"


def test_a_worker_listens_to_no_command(redis: Redis) -> None:
    worker = LandformWorker([open_queue(TICK_QUEUE, redis)], connection=redis)
    worker.subscribe()
    try:
        assert redis.pubsub_numsub(worker.pubsub_channel_name) == [
            (worker.pubsub_channel_name.encode(), 0)
        ]
    finally:
        worker.unsubscribe()


def test_a_suspension_in_redis_suspends_nothing(redis: Redis) -> None:
    redis.set("rq:suspended", 1)
    LandformWorker([open_queue(TICK_QUEUE, redis)], connection=redis).check_for_suspension(True)


@pytest.mark.parametrize("function", ["os.system", "workers.jobs", "", ["os", "system"], None, 7])
def test_only_landforms_functions_are_called(redis: Redis, function: Any) -> None:
    job = AllowListedJob.fetch(put_job(redis, function, ("id",)), redis)
    with pytest.raises(ForbiddenJobError):
        _ = job.func


@pytest.mark.parametrize(("function", "seconds"), [(CARRY_OUT, -1), (TICK, 60), ("os.system", 60)])
def test_redis_sets_no_time_after_which_an_apply_is_killed(
    redis: Redis, function: str, seconds: int
) -> None:
    assert AllowListedJob.fetch(put_job(redis, function, timeout=1), redis).timeout == seconds


def test_what_a_job_brings_along_is_dropped(redis: Redis) -> None:
    meta = {"queue_class_name": "antigravity.Queue", "cron_string": "* * * * *", "interval": 5}
    hook = [{"url": "http://127.0.0.1:1/", "statuses": ["finished"]}]
    put_job(
        redis,
        CARRY_OUT,
        meta=json.dumps(meta),
        webhooks=json.dumps(hook),
        success_callback_name="os.abort",
        failure_callback_name="os.abort",
        stopped_callback_name="os.abort",
        dependency_ids=json.dumps(["x"]),
        retries_left=9,
        repeats_left=9,
        rate_limit_key="x",
        group_id="x",
    )
    job = AllowListedJob.fetch("foreign", redis)
    assert job.meta == {"interval": 5}
    assert "antigravity" not in sys.modules
    assert (job.webhooks, job.retries_left, job.repeats_left) == ([], None, None)
    assert (job.success_callback, job.failure_callback, job.stopped_callback) == (None, None, None)
    assert (job.rate_limit_key, job.group_id, job._dependency_ids) == (None, None, [])


class Poison:
    """Unpickled, it makes a folder."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["POISONED"],)


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "no status"},
        {"timeout": "soon"},
        {"dependency_ids": "no JSON"},
        {"created_at": "yesterday"},
        {"ttl": "x"},
        {"data": b"x" * 100_000},
        {"description": b"\xff\xfe"},
        {"meta": json.dumps(["interval"])},
    ],
)
def test_a_job_that_rq_cannot_read_does_not_exist(redis: Redis, fields: dict[str, Any]) -> None:
    put_job(redis, CARRY_OUT, **fields)
    with pytest.raises(NoSuchJobError):
        AllowListedJob.fetch("foreign", redis)


def test_another_type_of_key_is_no_job(redis: Redis) -> None:
    redis.set("rq:job:foreign", "text")
    with pytest.raises(NoSuchJobError):
        AllowListedJob.fetch("foreign", redis)


def test_nothing_is_unpickled(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tmp_path / "made"
    monkeypatch.setenv("POISONED", str(made))
    evil = pickle.dumps(Poison())
    put_job(redis, CARRY_OUT, data=zlib.compress(evil), result=evil, meta=evil)
    job = AllowListedJob.fetch("foreign", redis)
    with pytest.raises(DeserializationError):
        _ = job.func
    assert job.meta == {}
    assert not made.exists()


def test_a_worker_passes_over_what_it_cannot_read(redis: Redis) -> None:
    queue = open_queue(OPERATIONS_QUEUE, redis)
    worker = LandformWorker(
        [queue], connection=redis, job_class=AllowListedJob, serializer=JSONSerializer
    )
    put_job(redis, CARRY_OUT, status="no status")
    redis.rpush(queue.key, "foreign", "absent")
    redis.sadd("rq:queues", queue.key)
    assert worker.work(burst=True) is False
    assert redis.llen(queue.key) == 0


@pytest.mark.filterwarnings("ignore:Composite key")  # RQ's own, about a name that is none of its
@pytest.mark.parametrize("name", [b"\xff", b"<b>", "x" * 10_000, "", "a:b:c"])
@pytest.mark.parametrize("registry", [*REGISTRIES, "ready"])
def test_no_name_in_a_registry_stops_a_worker(
    redis: Redis, registry: str, name: bytes | str
) -> None:
    queue = open_queue(OPERATIONS_QUEUE, redis)
    redis.zadd(f"rq:{registry}:{OPERATIONS_QUEUE}", {name: 1})
    assert _passes_over_one_job(queue)


@pytest.mark.parametrize("key", SWEPT)
def test_no_value_in_what_rq_cleans_up_stops_a_worker(redis: Redis, key: str) -> None:
    queue = open_queue(OPERATIONS_QUEUE, redis)
    redis.hset(key, "text", b"\xff")
    assert _passes_over_one_job(queue)
    redis.delete(key)
    redis.sadd(key, b"\xff", "absent")
    assert _passes_over_one_job(queue)


def test_no_entry_of_a_queue_stops_a_worker(redis: Redis) -> None:
    queue = open_queue(OPERATIONS_QUEUE, redis)
    redis.rpush(queue.key, b"\xff", "", "a:b", "x" * 10_000)
    assert _passes_over_one_job(queue)


def _passes_over_one_job(queue: Queue) -> bool:
    """Have a worker that begins now empty the queue; tell whether it came to its last entry."""
    put_job(queue.connection, CARRY_OUT, status="no status")
    queue.connection.rpush(queue.key, "foreign")
    worker = LandformWorker(
        [queue, open_queue(DRIFT_QUEUE, queue.connection)],
        connection=queue.connection,
        job_class=AllowListedJob,
        serializer=JSONSerializer,
    )
    worker.work(burst=True)
    return queue.connection.llen(queue.key) == 0


def test_a_notification_whose_place_or_job_was_lost_is_sent_again(redis: Redis) -> None:
    notifier = Notifier(redis)
    key = f"rq:queue:{OPERATIONS_QUEUE}"

    def notify() -> bool:
        return notifier.notify("op_1", 1, OPERATIONS_QUEUE) and notifier.is_notified("op_1", 1)

    assert notify()
    redis.delete(key)
    assert not notifier.is_notified("op_1", 1), "the job is there, and nobody will find it"
    assert notify()
    redis.hset("rq:job:op_1-1", "dependency_ids", "no JSON")
    assert not notifier.is_notified("op_1", 1), "whoever finds it passes over it"
    assert notify()
    redis.delete("rq:job:op_1-1", key)
    redis.set("rq:job:op_1-1", "text")
    assert not notifier.is_notified("op_1", 1)
    assert notify()


def test_foreign_workers_are_neither_counted_nor_an_obstacle(redis: Redis) -> None:
    worker = LandformWorker([open_queue(OPERATIONS_QUEUE, redis)], connection=redis)
    worker.register_birth()
    worker.heartbeat()
    redis.sadd("rq:workers", b"\xff", "rq:worker:text", "rq:worker:odd", "rq:worker:absent")
    redis.set("rq:worker:text", "text")
    redis.hset("rq:worker:odd", "last_heartbeat", "yesterday")
    redis.hset("rq:worker:odd", "state", b"\xff")
    now = datetime.now(UTC)
    assert count_beating(redis, now - timedelta(minutes=1)) == 1
    assert count_beating(redis, now + timedelta(minutes=1)) == 0
    worker.register_death()


@pytest.mark.parametrize("key", EXPECTED_TYPES)
def test_a_foreign_value_in_a_key_of_rq_is_removed(redis: Redis, key: str) -> None:
    redis.set(key, "text") if EXPECTED_TYPES[key] != "set" else redis.rpush(key, "text")
    assert remove_foreign_keys(redis) == [key]
    assert not redis.exists(key)
    assert remove_foreign_keys(redis) == []


def test_the_keys_of_rq_are_those_that_it_uses(redis: Redis) -> None:
    """RQ and rq-scheduler write their keys; none of them is taken for a foreign one."""
    queue = open_queue(OPERATIONS_QUEUE, redis)
    worker = LandformWorker([queue], connection=redis, job_class=AllowListedJob)
    worker.register_birth()
    worker.heartbeat()
    queue.enqueue_call(CARRY_OUT, args=("id",), job_id="one")
    Scheduler(queue=queue, connection=redis).schedule(datetime.now(UTC), TICK, id="two")
    assert remove_foreign_keys(redis) == []
    known = {key.encode() for key in EXPECTED_TYPES} & set(redis.keys("*"))
    assert len(known) == 5
    worker.register_death()


def test_a_worker_outlives_a_foreign_value_in_its_own_key(redis: Redis) -> None:
    queue = open_queue(OPERATIONS_QUEUE, redis)
    worker = LandformWorker([queue], connection=redis, job_class=AllowListedJob)
    worker.register_birth()
    redis.delete(worker.key)
    redis.set(worker.key, "text")
    redis.delete("rq:workers")
    redis.set("rq:workers", "text")
    worker.heartbeat()
    worker.heartbeat()
    assert redis.smembers("rq:workers") == {worker.key.encode()}


def test_the_scheduler_knows_the_tick_alone(
    redis: Redis, make_settings: MakeSettings, fresh_redis_url: str
) -> None:
    ctx = build_context(make_settings(redis_url=fresh_redis_url))
    scheduler = make_scheduler(ctx)
    schedule_tick(scheduler, 5)
    put_job(redis, "os.system", meta=json.dumps({"queue_class_name": "antigravity.Queue"}))
    redis.zadd(scheduler.scheduled_jobs_key, {"foreign": 1, b"\xff": 1, "absent": 1, TICK_ID: 1})
    assert [job.id for job in scheduler.get_jobs_to_queue()] == [TICK_ID]
    assert redis.zrange(scheduler.scheduled_jobs_key, 0, -1) == [TICK_ID.encode()]
    assert "antigravity" not in sys.modules


@pytest.mark.thorough
def test_commands_through_redis_end_no_apply(tmp_path: Path) -> None:
    with running_landform(tmp_path / "home") as landform:
        landform.cloud.set_faults(create_delay_seconds=4)
        before = {process.pid for process in landform.processes("workers.worker")}
        asked = landform.create("net")["operation"]
        wait_until(
            lambda: landform.operation(asked["id"])["status"] == "applying", "an apply that runs"
        )
        with Redis.from_url(redis_url_of(landform.home)) as redis:
            names = [
                key.decode().removeprefix("rq:worker:") for key in redis.smembers("rq:workers")
            ]
            (job_id,) = (
                key.decode().removeprefix("rq:job:") for key in redis.keys(f"rq:job:{asked['id']}*")
            )
            assert len(names) == len(before)
            for name in names:
                send_kill_horse_command(redis, name)
                for command in COMMANDS:
                    words = {"command": command, "job_id": job_id, "execution_id": job_id}
                    redis.publish(f"rq:pubsub:{name}", json.dumps(words))
                send_shutdown_command(redis, name)
            redis.hset(f"rq:job:{job_id}", "timeout", 1)
        done = landform.end_of(asked["id"])
        assert done["status"] == "applied", done
        assert {process.pid for process in landform.processes("workers.worker")} == before


def test_rqs_own_class_would_have_called_it(redis: Redis) -> None:
    """The attack is real: without Landform's class the function is there to be called."""
    put_job(redis, "os.getpid")
    assert Job.fetch("foreign", redis, serializer=JSONSerializer).func is os.getpid
