"""The page of the workers: what Redis and SQL tell, and the two things one may do about it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from rq import Worker
from rq.job_lifecycle import record_job_failure
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from app.clock import utc_now
from app.domain.footprint import Footprint
from app.factory import create_app
from app.models import AuditEvent, Instance
from app.queue.jobs import CARRY_OUT, AllowListedJob
from app.queue.notifier import (
    DRIFT_QUEUE,
    OPERATIONS_QUEUE,
    TICK_QUEUE,
    Notifier,
    connect,
    job_id,
    open_queue,
)
from app.services.context import Context
from app.services.drift.health import record_pulse
from app.services.installation.health import record_scheduler_beat
from app.services.installation.instances import begin_instance
from app.services.queue.footprints import learn
from tests.console.conftest import PreparedHome, Visitor
from tests.console.fleet_examples import Fleet
from tests.console.test_pages import ATTACK

OTHER = "another fine long phrase"
TRACEBACK = f'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: {ATTACK}\n'


@pytest.fixture
def connected(ctx: Context, fresh_redis_url: str) -> Iterator[Context]:
    """The context with a Redis that is there."""
    connection = connect(fresh_redis_url)
    yield replace(ctx, notifier=Notifier(connection))
    connection.close()


@pytest.fixture
def app_with_redis(connected: Context) -> Flask:
    return create_app(connected.settings, connected)


@pytest.fixture
def admin(app_with_redis: Flask, prepared_home: PreparedHome) -> Visitor:
    client = app_with_redis.test_client()
    for name, value in prepared_home.cookies.items():
        client.set_cookie(name, value)
    return Visitor(client)


def start_worker(ctx: Context) -> Worker:
    """Register a worker as it does itself, without having it work."""
    connection = ctx.notifier.connection
    queues = [open_queue(name, connection) for name in (TICK_QUEUE, OPERATIONS_QUEUE, DRIFT_QUEUE)]
    worker = Worker(
        queues, connection=connection, job_class=AllowListedJob, serializer=JSONSerializer
    )
    worker.register_birth()
    worker.set_state("idle")
    return worker


def fail_job(ctx: Context, operation_id: str, text: str) -> None:
    """Keep the record of a ring that went wrong, as a worker does."""
    connection = ctx.notifier.connection
    queue = open_queue(OPERATIONS_QUEUE, connection)
    job = queue.enqueue_call(
        CARRY_OUT, args=(operation_id,), job_id=job_id(operation_id, 9), failure_ttl=3600
    )
    queue.remove(job)
    job.ended_at = utc_now()
    job.save()
    with connection.pipeline() as pipeline:
        record_job_failure(job, text, pipeline)
        pipeline.execute()


def test_without_redis_the_page_says_so_and_that_nothing_is_lost(visitor: Visitor) -> None:
    page = visitor.text("/workers")
    assert "Redis is not responding." in page
    assert "Accepted operations are stored in the database" in page
    assert visitor.post("/workers/requeue").status_code == 503
    assert visitor.post("/workers/failed/forget").status_code == 503


def test_workers_queues_and_the_clock_are_shown(
    admin: Visitor, connected: Context, fleet: Fleet
) -> None:
    assert "No worker is running." in admin.text("/workers")
    worker = start_worker(connected)
    waiting = fleet.stack("web", status="creating")
    connected.notifier.notify(waiting.operation_id, 1, OPERATIONS_QUEUE)
    record_scheduler_beat(connected)
    record_pulse(connected)
    page = admin.text("/workers")
    assert "No worker is running." not in page
    assert "1 alive" in page
    assert "Idle" in page
    assert f"process {worker.pid}" in page
    assert "Running" in page
    assert '<td data-label="Waiting" class="number">1</td>' in page


def test_a_worker_without_a_heartbeat_is_silent_and_not_counted(
    admin: Visitor, connected: Context
) -> None:
    worker = start_worker(connected)
    long_ago = (utc_now() - timedelta(minutes=10)).isoformat()
    connected.notifier.connection.hset(worker.key, "last_heartbeat", long_ago)
    page = admin.text("/workers")
    assert "Down" in page
    assert "0 alive" in page
    assert "No worker is running." in page


def test_leases_say_who_holds_what_and_when_one_has_lapsed(visitor: Visitor, fleet: Fleet) -> None:
    now = utc_now()
    for name, seconds in (("held", 60), ("lost", -60)):
        operation = fleet.operation(fleet.stack(name).stack_id, status="planning")
        fleet.change_operation(
            operation,
            owner="host-1:4711",
            heartbeat_at=now,
            lease_expires_at=now + timedelta(seconds=seconds),
        )
    page = visitor.text("/workers")
    assert page.count("host-1:4711") == 2
    assert "Active" in page
    assert "Expired: recovery in progress" in page


def test_a_silent_host_that_holds_something_can_be_declared_gone(
    visitor: Visitor, ctx: Context, fleet: Fleet
) -> None:
    lost = begin_instance(ctx)
    operation = fleet.operation(fleet.stack("lost").stack_id, status="planning")
    fleet.change_operation(operation, instance_id=lost)
    assert "Declare gone" not in visitor.text("/workers"), "it lives"
    with ctx.write() as session:
        session.get_one(Instance, lost).heartbeat_at -= timedelta(minutes=1)
        name = session.get_one(Instance, lost).name
    assert "Declare gone" in visitor.text("/workers")
    path = f"/workers/hosts/{lost}/gone"
    page = visitor.text(path)
    assert "1 operation: plans are queued again" in page
    assert "would go on changing the cloud unseen" in page
    assert visitor.post(path, data={"name": "another"}).status_code == 422
    assert visitor.post(path, data={"name": name}).location == "/workers?done=host-gone"
    page = visitor.text("/workers?done=host-gone")
    assert "declared by admin" in page
    assert "Declare gone" not in page
    with ctx.write() as session:
        row = session.get_one(Instance, lost)
        row.gone_at = row.gone_by = None
        row.heartbeat_at = utc_now()
    assert visitor.post(path, data={"name": name}).status_code == 409, "it came back meanwhile"


def test_a_host_that_lives_is_drained_and_resumed(visitor: Visitor, ctx: Context) -> None:
    own = begin_instance(ctx)
    assert "Drain" in visitor.text("/workers")
    answer = visitor.post(f"/workers/hosts/{own}/drain", data={})
    assert answer.location == "/workers?done=host-drained"
    page = visitor.text("/workers?done=host-drained")
    assert "Draining" in page
    assert "Resume" in page
    answer = visitor.post(f"/workers/hosts/{own}/undrain", data={})
    assert answer.location == "/workers?done=host-undrained"
    assert "Draining" not in visitor.text("/workers")


def test_what_waits_in_no_queue_is_requeued_and_that_is_audited(
    admin: Visitor, connected: Context, fleet: Fleet
) -> None:
    made = fleet.stack("web", status="creating")  # not queued: Redis was away
    fleet.change_operation(made.operation_id, notified_at=utc_now() - timedelta(minutes=1))
    assert admin.post("/workers/requeue").location == "/workers?done=requeued"
    assert len(open_queue(OPERATIONS_QUEUE, connected.notifier.connection)) == 1
    assert admin.post("/workers/requeue").location == "/workers?done=nothing-to-requeue"
    with connected.read() as session:
        events = session.query(AuditEvent).filter_by(action="queue.ring").all()
        assert [event.detail["count"] for event in events] == [1, 0]


def test_failed_jobs_name_the_class_of_the_error_only_and_can_be_forgotten(
    admin: Visitor, connected: Context, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    fail_job(connected, made.operation_id, TRACEBACK)
    fail_job(connected, f"{made.operation_id}x", "Work-horse terminated unexpectedly; signal 9")
    page = admin.text("/workers")
    assert made.operation_id in page
    assert "ValueError" in page
    assert "terminated unexpectedly; signal 9" in page
    assert "alert(" not in page
    assert admin.post("/workers/failed/forget").location == "/workers?done=failures-forgotten"
    assert "No failed jobs" in admin.text("/workers")
    assert not AllowListedJob.exists(job_id(made.operation_id, 9), connected.notifier.connection)
    assert made.operation_id in admin.text("/operations")


def test_what_operations_take_is_shown_and_can_be_reset(
    admin: Visitor, app_with_redis: Flask, connected: Context, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    assert "Memory of operations" not in admin.text("/workers")
    for peak in range(91, 101):
        with connected.write() as session:
            learn(session, made.stack_id, Footprint(peak, 1.5))
    page = admin.text("/workers")
    assert "Memory of operations" in page
    assert "100 MiB" in page
    assert "120 MiB" in page
    fleet.member("vera", OTHER, "viewer")
    person = Visitor(app_with_redis.test_client())
    person.sign_in("vera", OTHER)
    assert person.post("/workers/memory/forget").status_code == 403
    assert admin.post("/workers/memory/forget").location == "/workers?done=memory-forgotten"
    assert "Memory of operations" not in admin.text("/workers")
    with connected.read() as session:
        (event,) = session.query(AuditEvent).filter_by(action="queue.forget_footprints").all()
    assert event.detail["count"] == 1


def test_only_an_administrator_acts_and_others_see_only_their_operations(
    admin: Visitor, app_with_redis: Flask, connected: Context, fleet: Fleet
) -> None:
    operation = fleet.operation(fleet.stack("web").stack_id, status="planning")
    fail_job(connected, operation, TRACEBACK)
    fleet.member("vera", OTHER, "viewer")
    fleet.member("nina", OTHER, None)
    assert "Requeue waiting operations" in admin.text("/workers")
    for name, sees in (("vera", True), ("nina", False)):
        person = Visitor(app_with_redis.test_client())
        person.sign_in(name, OTHER)
        page = person.text("/workers")
        assert (operation in page) == sees
        assert "Requeue waiting operations" not in page
        assert "Failed jobs" not in page
        assert person.post("/workers/requeue").status_code == 403
        assert person.post("/workers/failed/forget").status_code == 403
    assert len(open_queue(OPERATIONS_QUEUE, connected.notifier.connection)) == 0


FOREIGN = (
    {"data": pickle.dumps(("os.system", None, ("id",), {}))},
    {"data": b"\xff\xfe", "status": "failed"},
    {"data": json.dumps(["os.system", None, {"a": 1}, {}]), "ended_at": "yesterday"},
    {"data": json.dumps(["x", None, [["deep"] * 9], {}]), "status": "no status"},
    {"nothing": "at all"},
)


@pytest.mark.parametrize("fields", FOREIGN)
def test_a_foreign_job_among_the_failed_ones_breaks_no_page(
    admin: Visitor, connected: Context, fields: dict[str, Any]
) -> None:
    redis = connected.notifier.connection
    registry = FailedJobRegistry(OPERATIONS_QUEUE, redis).key
    for name in (b"foreign", b"\xff\xfe", b"<script>alert(1)</script>"):
        redis.hset(b"rq:job:" + name, mapping=fields)
        redis.zadd(registry, {name: 1e12})
        redis.rpush(f"rq:queue:{OPERATIONS_QUEUE}", name)
        redis.xadd(b"rq:results:" + name, {"type": "x", "return_value": b"\xff", "exc_string": "?"})
        redis.sadd("rq:workers", b"rq:worker:" + name)
        worker = {"birth": "never", "queues": "x", "successful_job_count": "many"}
        redis.hset(b"rq:worker:" + name, mapping=worker | {"total_working_time": "nan"})
    page = admin.text("/workers")
    assert "Redis is not responding." not in page
    assert "<script>alert" not in page
    assert admin.post("/workers/failed/forget").status_code in (302, 303)
    assert redis.zcard(registry) == 0


@pytest.mark.parametrize("key", ["rq:workers", "rq:queue:operations", "rq:failed:operations"])
def test_a_key_of_another_type_breaks_no_page(admin: Visitor, connected: Context, key: str) -> None:
    connected.notifier.connection.set(key, "text")
    assert admin.text("/workers")
    assert admin.post("/workers/requeue").status_code < 600
