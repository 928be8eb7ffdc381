"""A worker stops when it is asked to, and takes nothing while its host is drained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from rq import Worker
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from sqlalchemy import text

from app.queue.jobs import CARRY_OUT, AllowListedJob
from app.queue.notifier import OPERATIONS_QUEUE, Notifier, open_queue
from app.services.context import Context
from workers import worker as module
from workers.worker import LandformWorker


@pytest.fixture
def worker(fresh_redis_url: str) -> Iterator[LandformWorker]:
    with Redis.from_url(fresh_redis_url) as redis:
        yield LandformWorker(
            [open_queue(OPERATIONS_QUEUE, redis)],
            connection=redis,
            job_class=AllowListedJob,
            serializer=JSONSerializer,
        )


def test_a_request_to_stop_breaks_nothing_but_the_wait_for_a_job(worker: LandformWorker) -> None:
    asked: list[bool] = []

    def interrupted_question() -> bool:
        worker._shutdown()
        asked.append(True)
        return False

    worker.is_drained = interrupted_question
    assert not worker.work()
    assert asked == [True], "the question was answered, and no second one was asked"


def test_a_request_just_before_the_wait_is_not_lost(worker: LandformWorker) -> None:
    worker._shutdown()
    with pytest.raises(StopRequested):
        worker.dequeue_job_and_maintain_ttl(5)


def test_a_worker_that_waits_stops_at_once(
    worker: LandformWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "heartbeat", lambda *_: worker._shutdown())
    with pytest.raises(StopRequested):
        worker.dequeue_job_and_maintain_ttl(5)


def test_what_comes_to_a_drained_host_is_left_to_others(
    worker: LandformWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAIN_POLL_SECONDS", 0.01)
    monkeypatch.setattr(LandformWorker, "rehearse", lambda _: None)
    notifier = Notifier(worker.connection)
    notifier.notify("op_1", 1, OPERATIONS_QUEUE)
    assert notifier.is_notified("op_1", 1)
    # Its host is drained after it has begun to wait, and asked to stop after some more looks.
    answers = iter([False, True, True, True])

    def is_drained() -> bool:
        answer = next(answers, None)
        if answer is None:
            worker._shutdown()
        return bool(answer)

    worker.is_drained = is_drained
    ran: list[str] = []
    monkeypatch.setattr(LandformWorker, "perform_job", lambda *_: ran.append(CARRY_OUT))
    worker.work()
    assert ran == []
    assert not notifier.is_notified("op_1", 1), "so that the scheduler notifies another one"


def test_no_connection_to_the_database_is_open_at_a_fork(
    worker: LandformWorker, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ctx.read() as session:
        session.execute(text("SELECT 1"))
    assert _open_connections(ctx) == 1
    open_at_fork: list[int] = []
    monkeypatch.setattr(module, "get_context", lambda: ctx)
    monkeypatch.setattr(
        Worker, "fork_work_horse", lambda *_: open_at_fork.append(_open_connections(ctx))
    )
    queue = worker.queues[0]
    worker.fork_work_horse(queue.create_job(CARRY_OUT, args=["op_1"]), queue)
    assert open_at_fork == [0]


def _open_connections(ctx: Context) -> int:
    pool: Any = ctx.db.engine.pool
    count: int = pool.checkedin() + pool.checkedout()
    return count
