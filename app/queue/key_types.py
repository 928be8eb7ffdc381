"""Removes what stands in RQ's keys and is not of RQ's making.

Every command on a key of another type fails, and RQ reads no name that is not UTF-8, so one foreign
value would stop the scheduler, the workers or a queue for good. Nothing is lost with such a key:
SQL is the truth. Landform's own keys begin with ``landform:``; who counts in them removes what is
foreign there (``app.limits.shared_redis``).
"""

from __future__ import annotations

from redis import Redis

from app.queue.notifier import DRIFT_QUEUE, OPERATIONS_QUEUE, TICK_QUEUE

QUEUES = (TICK_QUEUE, OPERATIONS_QUEUE, DRIFT_QUEUE)
REGISTRIES = ("finished", "failed", "wip", "deferred", "scheduled", "canceled")
SCHEDULED_JOBS = "rq:scheduler:scheduled_jobs"
EXPECTED_TYPES = {
    "rq:workers": "set",
    "rq:queues": "set",
    SCHEDULED_JOBS: "zset",
    **{f"rq:queue:{queue}": "list" for queue in QUEUES},
    **{f"rq:workers:{queue}": "set" for queue in QUEUES},
    **{f"rq:{registry}:{queue}": "zset" for registry in REGISTRIES for queue in QUEUES},
}

SWEPT = (
    "rq:workers",
    "rq:groups",
    "rq:clean_groups",
    "rq:rl-keys",
    *(f"rq:workers:{queue}" for queue in QUEUES),
    *(f"rq:queue:{queue}:intermediate" for queue in QUEUES),
    *(f"rq:clean_registries:{queue}" for queue in QUEUES),
    *(f"rq:{registry}:{queue}" for registry in (*REGISTRIES, "ready") for queue in QUEUES),
)
"""What RQ reads when it cleans up. Workers put their own names back with each sign of life."""


def forget_registries(connection: Redis) -> None:
    """Delete what RQ cleans up, as it cannot; what waits in the queues stays.

    Raises:
        RedisError: Redis cannot be asked.
    """
    connection.delete(*SWEPT)


def remove_foreign_keys(connection: Redis) -> list[str]:
    """Delete RQ's keys that hold a value of another type, and return their names.

    Raises:
        RedisError: Redis cannot be asked.
    """
    with connection.pipeline(transaction=False) as pipeline:
        for name in EXPECTED_TYPES:
            pipeline.type(name)
        types = [kind.decode() for kind in pipeline.execute()]
    foreign = [
        name
        for (name, expected), kind in zip(EXPECTED_TYPES.items(), types, strict=True)
        if kind not in (expected, "none")
    ]
    if foreign:
        connection.delete(*foreign)
    return foreign
