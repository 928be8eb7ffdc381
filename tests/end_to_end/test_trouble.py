"""Processes are killed, Redis goes, the volume goes: every operation still ends as it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rq import Queue
from rq.job import Job
from rq.serializers import DefaultSerializer, JSONSerializer
from rq_scheduler import Scheduler

from tests.running import OwnRedis, RunningLandform, running_landform, wait_until
from workers.scheduler import TICK_ID

pytestmark = pytest.mark.thorough

INTERRUPTED_WITHIN_SECONDS = 30


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    redis = OwnRedis(tmp_path_factory.mktemp("redis") / "home")
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(scope="module")
def landform(
    tmp_path_factory: pytest.TempPathFactory, redis: OwnRedis
) -> Iterator[RunningLandform]:
    """One Landform for all of them, on a Redis that tests stop and start."""
    home = tmp_path_factory.mktemp("trouble") / "home"
    with running_landform(home, LANDFORM_REDIS_URL=redis.url, LANDFORM_TICK_SECONDS="1") as running:
        yield running


@pytest.fixture
def slow_cloud(landform: RunningLandform) -> Iterator[Callable[[float], None]]:
    """Set how long the cloud takes to create a resource; at once again afterwards."""
    yield lambda seconds: landform.cloud.set_faults(create_delay_seconds=seconds)
    landform.cloud.set_faults(create_delay_seconds=0)


def wait_for_first_resource(landform: RunningLandform, asked: dict[str, Any]) -> psutil.Process:
    """Wait until the cloud creates something for the stack; return the horse at work."""
    wait_until(lambda: landform.cloud_ids(asked["stack"]["id"]), "the first resource")
    return landform.horse_of(asked["operation"]["id"])


def reason_of_waiting(landform: RunningLandform, asked: dict[str, Any]) -> str | None:
    waits = landform.operation(asked["operation"]["id"])["waiting_for"]
    return waits and waits["reason"]


def test_a_post_that_redis_never_heard_of_runs_when_redis_returns(
    landform: RunningLandform, redis: OwnRedis
) -> None:
    redis.stop()
    try:
        asked = landform.create("unheard")
        operation = landform.operation(asked["operation"]["id"])
        assert operation["status"] == "pending"
        assert landform.call("GET", f"/stacks/{asked['stack']['id']}")["status"] == "creating"
        status, checks = landform.readiness()
        assert status == 503
        assert checks["redis"]["status"] == "failed"
        assert checks["database"]["status"] == "ok"
    finally:
        redis.start()
    assert landform.end_of(asked["operation"]["id"])["status"] == "applied"
    wait_until(lambda: landform.readiness()[0] == 200, "all parts to be there again")


def test_a_flush_of_redis_loses_nothing(
    landform: RunningLandform, redis: OwnRedis, slow_cloud: Callable[[float], None]
) -> None:
    slow_cloud(1)
    asked = [landform.create(f"flushed-{number}") for number in range(4)]
    wait_for_first_resource(landform, asked[0])
    redis.client.flushall()
    done = [landform.end_of(item["operation"]["id"]) for item in asked]
    assert [operation["status"] for operation in done] == ["applied"] * 4
    for item in asked:
        stack_id = item["stack"]["id"]
        assert landform.recorded_ids(stack_id) == landform.cloud_ids(stack_id)
    wait_until(lambda: redis.client.exists(f"rq:job:{TICK_ID}"), "the tick to be put back")


def test_a_killed_worker_does_not_disturb_the_operation_that_it_had_begun(
    landform: RunningLandform, slow_cloud: Callable[[float], None]
) -> None:
    slow_cloud(2)
    asked = landform.create("orphaned-horse")
    horse = wait_for_first_resource(landform, asked)
    horse.parent().kill()
    done = landform.end_of(asked["operation"]["id"])
    assert done["status"] == "applied"
    stack_id = asked["stack"]["id"]
    assert landform.recorded_ids(stack_id) == landform.cloud_ids(stack_id)
    wait_until(lambda: len(landform.processes("workers.worker")) == 2, "the worker's successor")


def test_a_killed_horse_interrupts_its_operation_and_nothing_is_forgotten(
    landform: RunningLandform, slow_cloud: Callable[[float], None]
) -> None:
    slow_cloud(2)
    asked = landform.create("interrupted", parameters={"zones": 3})
    stack_id = asked["stack"]["id"]
    wait_for_first_resource(landform, asked).kill()
    done = landform.end_of(asked["operation"]["id"], INTERRUPTED_WITHIN_SECONDS)
    assert done["status"] == "interrupted"
    assert done["error"]["code"] == "operation_interrupted"
    assert done["error"]["advice"]
    unrecorded = landform.cloud_ids(stack_id) - landform.recorded_ids(stack_id)
    assert len(done["possibly_orphaned"]) >= len(unrecorded), "what is not in state is named"
    slow_cloud(0)
    again = landform.end_of(landform.request(stack_id, "apply")["id"])
    assert again["status"] in ("applied", "planned_and_finished")
    assert landform.call("GET", f"/stacks/{stack_id}")["status"] == "ready"
    assert landform.recorded_ids(stack_id) <= landform.cloud_ids(stack_id)


def test_a_killed_scheduler_comes_back_and_so_does_its_tick(
    landform: RunningLandform, redis: OwnRedis
) -> None:
    (scheduler,) = landform.processes("workers.scheduler")
    scheduler.kill()
    redis.client.delete(f"rq:job:{TICK_ID}", Scheduler.scheduled_jobs_key)
    wait_until(lambda: landform.processes("workers.scheduler"), "the scheduler's successor")
    wait_until(lambda: redis.client.zscore(Scheduler.scheduled_jobs_key, TICK_ID), "the tick")
    assert redis.client.zcard(Scheduler.scheduled_jobs_key) == 1


def test_the_scheduler_outlives_a_restart_of_redis(
    landform: RunningLandform, redis: OwnRedis
) -> None:
    stack = landform.made("rechecked", drift={"interval_seconds": 10})
    (before,) = landform.processes("workers.scheduler")
    redis.stop()
    wait_until(lambda: landform.readiness()[0] == 503, "Redis to be missed")
    redis.start()
    wait_until(
        lambda: landform.call("GET", f"/stacks/{stack['id']}")["drift"]["status"] == "in_sync",
        "a scheduled drift check",
    )
    assert [process.pid for process in landform.processes("workers.scheduler")] == [before.pid]


@pytest.mark.parametrize("serializer", [JSONSerializer, DefaultSerializer])
@pytest.mark.parametrize(
    "function", ["os.system", "subprocess.getoutput", "workers.runtime.get_context"]
)
def test_a_job_that_calls_anything_else_is_not_executed(
    landform: RunningLandform,
    redis: OwnRedis,
    tmp_path: Path,
    serializer: Any,
    function: str,
) -> None:
    proof = tmp_path / "executed"
    job = Job.create(
        function, args=(f"touch {proof}",), connection=redis.client, serializer=serializer
    )
    Queue("tick", connection=redis.client, serializer=serializer).enqueue_job(job)
    wait_until(lambda: job.get_status(refresh=True).value == "failed", "the refusal")
    assert not proof.exists()


def test_while_the_volume_is_foreign_no_operation_starts_and_readyz_says_why(
    landform: RunningLandform,
) -> None:
    sentinel = landform.home / "state" / ".landform-volume"
    own = sentinel.read_text()
    stack = landform.made("kept")
    applied = landform.recorded_ids(stack["id"])
    sentinel.write_text(own.replace("vol_", "vol_x"))
    try:
        assert sentinel.read_text() != own
        status, checks = landform.readiness()
        assert (status, checks["volume"]["status"]) == (503, "failed")
        assert "is expected" in checks["volume"]["detail"]
        asked = landform.create("not-started")
        wait_until(lambda: reason_of_waiting(landform, asked) == "volume", "the reason")
        assert landform.cloud_ids(asked["stack"]["id"]) == set()
    finally:
        sentinel.write_text(own)
    assert landform.end_of(asked["operation"]["id"])["status"] == "applied"
    assert landform.recorded_ids(stack["id"]) == applied == landform.cloud_ids(stack["id"])
    wait_until(lambda: landform.readiness()[0] == 200, "all parts to be there again")
