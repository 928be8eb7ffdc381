"""Hosts that share PostgreSQL and a bucket, and no folder: each may be lost, paused or late.

Each has a home, a work folder and a folder for a volume of its own. Where the other host is lost or
paused it is real processes in a PID namespace of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from app.domain.operations import AutoApply, OperationType
from app.models import Operation, Stack, StateFence
from app.services.context import Context, build_context
from app.services.engine.engine import Engine
from app.services.engine.recovery import dead_runs, takeover
from app.services.engine.recovery.orphan_search import search_orphans
from app.services.installation.shared_locks import forget_host_locks, require_shared_locks
from app.services.operations import control
from app.services.stacks.change import StackChange, change_stack
from app.services.state.fences import take_fence
from app.services.work import perform
from app.storage.state_format import Pointer
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE, Landform
from tests.moto_cloud import Moto
from tests.namespaces import needs_namespaces
from tests.postgresql import Server
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.services.engine.recovery.test_takeover import (
    GRACE_SECONDS,
    LEASE_SECONDS,
    assert_nothing_is_forgotten,
    wait_for_subnets,
    wait_for_takeover,
    wait_until,
)
from tests.services.engine.test_recovery import recorded_ids
from tests.services.engine.two_hosts import other_host, settings_of_other_host
from tests.state_bucket import StateBucket, connect

pytestmark = [needs_namespaces, pytest.mark.timeout(600)]


@pytest.fixture
def bucket(moto: Moto) -> StateBucket:
    return StateBucket(moto)


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings,
    sandbox_service: Service,
    postgresql_server: Server,
    bucket: StateBucket,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Landform]:
    """One of two hosts on a database and a bucket."""
    monkeypatch.setattr(takeover, "GRACE", timedelta(seconds=GRACE_SECONDS))
    name = postgresql_server.create_database()
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        sandbox_port=sandbox_service.port,
        database_url=postgresql_server.url(name),
        lease_seconds=LEASE_SECONDS,
        **{"state_backend": "s3", **bucket.settings},
    )
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    yield made
    made.close()
    postgresql_server.drop_database(name)


@pytest.fixture
def other(landform: Landform) -> Iterator[Context]:
    """The other host, as far as it needs no processes."""
    ctx = build_context(settings_of_other_host(landform))
    yield ctx
    ctx.db.close()


def pointer_of(bucket: StateBucket, stack: Stack) -> Pointer:
    return Pointer.parse(bucket.read(f"landform/stacks/{stack.id}/terraform.tfstate"), stack.id)


def lock_of(stack: Stack) -> str:
    return f"landform/stacks/{stack.id}/terraform.tfstate.tflock"


def folders_for_a_volume(*contexts: Context) -> list[bool]:
    return [ctx.settings.state_dir.exists() for ctx in contexts]


def test_one_host_plans_the_other_applies_and_neither_has_a_volume(
    landform: Landform, other: Context, bucket: StateBucket
) -> None:
    for ctx in (landform.ctx, other):
        require_shared_locks(ctx)
        forget_host_locks(ctx)
    stack, operation = landform.create(
        "network", "web", parameters={"zones": 2}, auto_apply=AutoApply.NEVER
    )
    assert landform.carry_out(operation).status == "planned"
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    assert Engine(other).carry_out(operation.id)
    done = landform.operation(operation.id)
    assert (done.status, done.fence) == ("applied", 2)
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)
    assert pointer_of(bucket, stack).fence.number == 2
    assert lock_of(stack) not in bucket.names()
    assert landform.perform(stack, OperationType.DESTROY).status in ("planned", "applied")
    assert folders_for_a_volume(landform.ctx, other) == [False, False]


def test_a_lost_host_s_apply_ends_and_its_stack_can_be_used_again(
    landform: Landform, bucket: StateBucket
) -> None:
    landform.cloud.set_faults(create_delay_seconds=4)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    with other_host(landform, operation, LEASE_SECONDS) as host:
        wait_for_subnets(landform, operation)
        assert lock_of(stack) in bucket.names()
        host.kill()
        wait_for_takeover(landform, operation)
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    assert pointer_of(bucket, stack).fence.number == 2, "whoever has taken it over"
    assert lock_of(stack) not in bucket.names()
    search_orphans(landform.ctx)
    assert_nothing_is_forgotten(landform, stack, operation)
    landform.cloud.set_faults(create_delay_seconds=0)
    (check,) = landform.pending(stack)
    assert landform.carry_out(check).status == "planned_and_finished"


@pytest.mark.thorough
def test_a_paused_host_that_wakes_up_after_others_have_written_changes_no_state(
    landform: Landform, bucket: StateBucket
) -> None:
    landform.cloud.set_faults(create_delay_seconds=4)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    with other_host(landform, operation, LEASE_SECONDS) as host:
        wait_for_subnets(landform, operation)
        host.pause()
        wait_for_takeover(landform, operation)
        landform.cloud.set_faults(create_delay_seconds=0)
        (check,) = landform.pending(stack)
        assert landform.carry_out(check).status == "planned_and_finished"
        before = pointer_of(bucket, stack)
        host.go_on()
        wait_until(lambda: not host.workers(), "the end of the worker that is fenced")
        assert landform.operation(operation.id).status == "interrupted"
    after = pointer_of(bucket, stack)
    assert after.fence.number >= before.fence.number
    versions = landform.state_versions(stack)
    if after.state != before.state:  # its agent kept what only its run directory knew
        assert any("Its host is back" in text for text in landform.messages(operation))
    assert after.state is None or after.state.serial == versions[-1].serial
    search_orphans(landform.ctx)
    assert_nothing_is_forgotten(landform, stack, operation)


def with_rival(
    landform: Landform, bucket: StateBucket, at_write: int, act: Callable[[str], object]
) -> None:
    """Have ``act`` be done right before the n-th write of a pointer, as if this host slept there.

    It is given the id of the stack.
    """
    client, numbers = connect(bucket.moto.endpoint), iter(range(1, 1000))

    def handler(params: dict[str, Any], **_: Any) -> None:
        if params["url_path"].endswith("terraform.tfstate") and next(numbers) == at_write:
            act(params["url_path"].split("/")[-2])

    client.meta.events.register("before-call.s3.PutObject", handler)
    landform.use(replace(build_context(landform.settings), bucket=bucket.open(client=client)))


def test_a_promotion_on_its_way_is_refused_once_a_newer_writer_has_begun(
    landform: Landform, other: Context, bucket: StateBucket
) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    taken: list[Pointer] = []

    def take_over(stack_id: str) -> None:
        store = other.state_store(stack_id)
        store.fenced(take_fence(other, stack_id)).fence_off(stack_id)
        taken.append(pointer_of(bucket, stack))

    with_rival(landform, bucket, 2, take_over)  # the first write of an operation takes the fence
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    landform.carry_out(operation)
    assert taken, "the rival came in between"
    assert pointer_of(bucket, stack) == taken[0], "nothing was promoted after it"
    assert landform.operation(operation.id).status == "applying", "SQL has heard of no end"
    forget_owner(landform, operation)
    assert dead_runs.reap(landform.ctx) == [operation.id]
    assert landform.operation(operation.id).status == "interrupted"
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)


def forget_owner(landform: Landform, operation: Operation) -> None:
    """Have SQL name a process that is gone, as after the end of a worker."""
    with landform.ctx.write() as session:
        row = session.get_one(Operation, operation.id)
        row.owner_process = {**(row.owner_process or {}), "start_time": 1}


def test_a_writer_that_sql_has_forgotten_is_passed_once_its_lease_is_over(
    landform: Landform, bucket: StateBucket
) -> None:
    stack = landform.made("network", "web", parameters={"zones": 1})
    before = pointer_of(bucket, stack)
    with landform.ctx.write() as session:  # as a replica that lacked the last commits
        session.execute(delete(StateFence))
    assert landform.perform(stack, OperationType.PLAN).status == "planned_and_finished"
    assert pointer_of(bucket, stack).fence.number == before.fence.number + 1


@pytest.mark.thorough
def test_a_pointer_that_was_put_back_is_noticed(landform: Landform, bucket: StateBucket) -> None:
    stack = landform.made("network", "web", parameters={"zones": 1})
    key = f"landform/stacks/{stack.id}/terraform.tfstate"
    old = bucket.read(key)
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 2}, auto_apply=AutoApply.ALWAYS)
        _, operation = change_stack(work, stack.id, change)
    assert operation is not None
    assert landform.carry_out(operation).status == "applied"
    bucket.write(key, old)
    done = landform.perform(stack, OperationType.PLAN)
    assert (done.status, (done.error or {})["code"]) == ("errored", "state_serial_regressed")
