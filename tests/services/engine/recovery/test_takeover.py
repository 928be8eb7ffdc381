"""Two hosts on one database: each may be lost, paused or cut off, and the other goes on.

The other host is real processes in a PID namespace of their own, with a home of their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from app.domain.interruptions import Resolution
from app.models import Operation, OperationEvent, Stack
from app.services.engine.recovery import dead_runs, takeover
from app.services.engine.recovery.orphan_search import search_orphans
from app.services.installation.instances import own_instance
from app.services.operations import control
from app.services.operations.resolve import Decision, resolve
from app.services.work import perform
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE, Landform
from tests.namespaces import needs_namespaces
from tests.postgresql import Server
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.services.engine.test_recovery import recorded_ids
from tests.services.engine.two_hosts import OtherHost, other_host

pytestmark = [needs_namespaces, pytest.mark.timeout(300)]

LEASE_SECONDS = 9.0
GRACE_SECONDS = 2.0
PATIENCE_SECONDS = 120
"""Two processes of the other host have to start first."""


def wait_until(is_so: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"waited too long for: {what}"
        time.sleep(0.05)


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings,
    sandbox_service: Service,
    postgresql_server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Landform]:
    """One of two hosts: a Landform on PostgreSQL, which several hosts may share."""
    monkeypatch.setattr(takeover, "GRACE", timedelta(seconds=GRACE_SECONDS))
    name = postgresql_server.create_database()
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        sandbox_port=sandbox_service.port,
        database_url=postgresql_server.url(name),
        lease_seconds=LEASE_SECONDS,
    )
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    yield made
    made.close()
    postgresql_server.drop_database(name)


@pytest.fixture
def slow(landform: Landform) -> tuple[Stack, Operation]:
    """A network whose apply takes a while."""
    landform.cloud.set_faults(create_delay_seconds=4)
    return landform.create("network", "web", parameters={"zones": 3})


def wait_for_subnets(landform: Landform, operation: Operation) -> None:
    """Wait until subnets are being made, and SQL knows."""
    wait_until(
        lambda: any(
            "subnet" in line and "Creating" in line for line in landform.messages(operation)
        ),
        "the event of a subnet",
    )


def lose_events(landform: Landform, operation: Operation, about: str) -> None:
    """Remove what a host that ends sooner would not have said: SQL hears of events a bit later."""
    told = OperationEvent.message.contains(about)
    with landform.ctx.write() as session:
        session.execute(
            delete(OperationEvent).where(OperationEvent.operation_id == operation.id, told)
        )


def wait_for_takeover(landform: Landform, operation: Operation) -> float:
    """Look as the maintenance loop does until this host has it; return how long that took."""
    began = time.monotonic()
    wait_until(lambda: operation.id in dead_runs.reap(landform.ctx), "the takeover")
    return time.monotonic() - began


def assert_nothing_is_forgotten(landform: Landform, stack: Stack, operation: Operation) -> None:
    """Each resource is in the record or named; what no event told, the search by tag has found."""
    known = recorded_ids(landform, stack)
    missing = [item for item in landform.cloud.list() if item["id"] not in known]
    named = landform.operation(operation.id).possibly_orphaned
    assert len(named) >= len(missing), "whatever has no record is named, with its address"
    assert [item for item in named if not item["address"]] == []


def test_a_lost_host_s_apply_ends_and_its_stack_can_be_used_again(
    landform: Landform, slow: tuple[Stack, Operation]
) -> None:
    stack, operation = slow
    with other_host(landform, operation, LEASE_SECONDS) as host:
        wait_for_subnets(landform, operation)
        held = landform.operation(operation.id)
        assert held.instance_id not in (None, own_instance(landform.ctx))
        host.kill()
        lose_events(landform, operation, "eu-west-b")
        assert dead_runs.reap(landform.ctx) == [], "it may live: nobody here can see its processes"
        seconds = wait_for_takeover(landform, operation)
    assert LEASE_SECONDS * 0.5 < seconds < LEASE_SECONDS + GRACE_SECONDS + 5
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    assert "was lost while Terraform was changing the cloud" in (done.error or {})["detail"]
    assert done.taken_over_at is not None
    search_orphans(landform.ctx)
    assert_nothing_is_forgotten(landform, stack, operation)
    landform.cloud.set_faults(create_delay_seconds=0)
    (check,) = landform.pending(stack)
    assert landform.carry_out(check).status == "planned_and_finished"


@pytest.mark.thorough
def test_a_plan_of_a_lost_host_is_made_again(landform: Landform) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    with other_host(landform, operation, LEASE_SECONDS) as host:
        wait_until(lambda: landform.operation(operation.id).status == "planning", "the claim")
        host.kill()
        wait_for_takeover(landform, operation)
    assert landform.operation(operation.id).status == "pending"
    assert landform.carry_out(operation).status == "applied"
    assert landform.stack(stack.id).status == "ready"


def paused_until_taken_over(landform: Landform, operation: Operation, host: OtherHost) -> None:
    wait_for_subnets(landform, operation)
    host.pause()
    wait_for_takeover(landform, operation)


@pytest.mark.thorough
def test_a_paused_host_finds_itself_fenced_and_writes_nothing(
    landform: Landform, slow: tuple[Stack, Operation]
) -> None:
    stack, operation = slow
    with other_host(landform, operation, LEASE_SECONDS) as host:
        paused_until_taken_over(landform, operation, host)
        before = landform.operation(operation.id)
        versions = [item.id for item in landform.state_versions(stack)]
        events = landform.messages(operation)
        host.go_on()
        wait_until(lambda: not host.workers(), "the end of the worker that is fenced")
        after = landform.operation(operation.id)
        assert (after.status, after.fence) == ("interrupted", before.fence)
        returned = [m for m in landform.messages(operation) if m not in events]
        assert all("Its host is back" in message for message in returned)
        wait_until(lambda: not _other_runs(landform), "what the host kept is looked at")
    new = [item for item in landform.state_versions(stack) if item.id not in versions]
    assert all(item.serial > 0 for item in new)
    search_orphans(landform.ctx)
    assert_nothing_is_forgotten(landform, stack, operation)


def _other_runs(landform: Landform) -> list[str]:
    runs = landform.settings.home_dir.with_name("other-host") / "work" / "runs"
    return [path.name for path in runs.iterdir()] if runs.is_dir() else []


@pytest.mark.thorough
def test_a_stopped_worker_s_terraform_is_stopped_by_the_watchdog_of_its_host(
    landform: Landform, slow: tuple[Stack, Operation]
) -> None:
    stack, operation = slow
    with other_host(landform, operation, LEASE_SECONDS) as host:
        wait_for_subnets(landform, operation)
        recorded = landform.operation(operation.id)
        (worker,) = host.workers()
        worker.suspend()
        began = time.monotonic()
        wait_until(lambda: landform.operation(operation.id).ended_at, "the end")
        assert time.monotonic() - began < LEASE_SECONDS + GRACE_SECONDS
        done = landform.operation(operation.id)
        assert (done.status, done.taken_over_at) == ("interrupted", None), "its own agent did it"
        assert done.fence == recorded.fence + 1
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)


@pytest.mark.thorough
def test_what_people_ask_of_a_lost_host_s_operation_leads_somewhere(
    landform: Landform, slow: tuple[Stack, Operation]
) -> None:
    stack, operation = slow
    with other_host(landform, operation, LEASE_SECONDS) as host:
        wait_for_subnets(landform, operation)
        host.kill()
        with perform(landform.ctx, ADMIN) as work:
            control.cancel(work, operation.id)
        wait_for_takeover(landform, operation)
    assert landform.operation(operation.id).status == "interrupted"
    landform.cloud.set_faults(create_delay_seconds=0)
    (check,) = landform.pending(stack)
    landform.carry_out(check)
    search_orphans(landform.ctx)
    with perform(landform.ctx, ADMIN) as work:
        following = resolve(work, operation.id, Decision(Resolution.DESTROY))[1]
        assert following is not None
    assert landform.carry_out(following).status == "planned"
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, following.id)
    assert landform.carry_out(following).status == "applied"
    assert landform.stack(stack.id).status == "deleted"
    assert landform.cloud.list() == []
