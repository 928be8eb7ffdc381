"""Notifications that were lost are sent again, once, and only for what may start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis
from rq.job import JobStatus
from sqlalchemy import select

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import Operation
from app.queue.jobs import CARRY_OUT, AllowListedJob
from app.queue.notifier import DRIFT_QUEUE, OPERATIONS_QUEUE, job_id, open_queue
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.services.operations import control
from app.services.queue.redelivery import notify_again
from app.services.work import perform
from tests.conftest import MakeSettings
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready


@pytest.fixture
def heard(make_prepared_settings: MakeSettings, fresh_redis_url: str) -> Iterator[Context]:
    """A prepared Landform with a Redis of its own."""
    settings = make_prepared_settings(redis_url=fresh_redis_url)
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    yield ctx
    ctx.notifier.connection.close()
    ctx.db.close()


@pytest.fixture
def redis(heard: Context) -> Redis:
    return heard.notifier.connection


def queued(redis: Redis, name: str = OPERATIONS_QUEUE) -> list[str]:
    return open_queue(name, redis).job_ids


def the_operation(ctx: Context) -> Operation:
    with ctx.read() as session:
        return session.scalars(select(Operation)).one()


def age_notifications(ctx: Context) -> None:
    """Have every ring look as if it were made a minute ago."""
    with ctx.write() as session:
        for operation in session.scalars(select(Operation)):
            if operation.notified_at is not None:
                operation.notified_at = utc_now() - timedelta(minutes=1)


def test_a_new_operation_is_notified_at_once_with_its_id_and_nothing_else(
    heard: Context, redis: Redis
) -> None:
    create(heard, "web")
    operation = the_operation(heard)
    assert queued(redis) == [job_id(operation.id, 1)]
    job = AllowListedJob.fetch(queued(redis)[0], redis)
    assert (job.func_name, job.args, job.kwargs) == (CARRY_OUT, [operation.id], {})
    assert (job.timeout, job.retries_left) == (-1, None)


def test_a_ring_that_waits_in_its_queue_is_not_repeated(heard: Context, redis: Redis) -> None:
    create(heard, "web")
    age_notifications(heard)
    assert notify_again(heard) == 0
    assert len(queued(redis)) == 1


def test_a_ring_that_was_flushed_is_repeated_once(heard: Context, redis: Redis) -> None:
    create(heard, "web")
    redis.flushall()
    age_notifications(heard)
    assert notify_again(heard) == 1
    assert notify_again(heard) == 0
    assert queued(redis) == [job_id(the_operation(heard).id, 2)]


def test_a_fresh_ring_is_given_time(heard: Context, redis: Redis) -> None:
    create(heard, "web")
    redis.flushall()
    assert notify_again(heard) == 0


def test_a_ring_whose_job_failed_before_the_claim_is_repeated(heard: Context, redis: Redis) -> None:
    create(heard, "web")
    job = AllowListedJob.fetch(queued(redis)[0], redis)
    open_queue(OPERATIONS_QUEUE, redis).remove(job)
    job.set_status(JobStatus.FAILED)
    age_notifications(heard)
    assert notify_again(heard) == 1


def test_only_the_first_of_a_stack_is_notified(heard: Context, redis: Redis) -> None:
    stack = create(heard, "web")
    with perform(heard, ADMIN) as work:
        control.request_operation(work, stack.id, OperationType.PLAN)
    redis.flushall()
    age_notifications(heard)
    assert notify_again(heard) == 1
    assert len(queued(redis)) == 1


@pytest.mark.parametrize("status", ["planning", "applying", "canceling", "applied", "errored"])
def test_what_runs_or_has_ended_is_never_notified(
    heard: Context, redis: Redis, status: str
) -> None:
    create(heard, "web")
    redis.flushall()
    age_notifications(heard)
    with heard.write() as session:
        session.scalars(select(Operation)).one().status = status
    assert notify_again(heard) == 0


def test_a_plan_is_requeued_only_when_it_was_approved(heard: Context, redis: Redis) -> None:
    create(heard, "web")
    redis.flushall()
    age_notifications(heard)
    with heard.write() as session:
        session.scalars(select(Operation)).one().status = "planned"
    assert notify_again(heard) == 0
    with heard.write() as session:
        session.scalars(select(Operation)).one().approved_at = utc_now()
    assert notify_again(heard) == 1


def test_drift_checks_wait_in_a_queue_of_their_own(heard: Context, redis: Redis) -> None:
    stack = create(heard, "web")
    make_ready(heard, stack)
    redis.flushall()
    with perform(heard, ADMIN) as work:
        control.request_operation(work, stack.id, OperationType.DRIFT_CHECK)
    assert queued(redis) == []
    assert len(queued(redis, DRIFT_QUEUE)) == 1


def test_without_redis_the_sweeper_does_nothing_and_the_operation_is_kept(ctx: Context) -> None:
    create(ctx, "web")
    age_notifications(ctx)
    assert notify_again(ctx) == 0
    assert the_operation(ctx).status == "pending"
