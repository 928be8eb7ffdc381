"""The plug is pulled: nothing is lost, nothing is forgotten, nothing runs twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app import tree_removal
from app.domain.operations import AutoApply, OperationType
from app.domain.state_file import StateFile
from app.errors import StackBusyError, UnavailableError
from app.models import Operation, Stack
from app.services.engine.claims import claim
from app.services.engine.recovery import dead_runs, run_directories
from app.services.engine.recovery.orphan_search import search_orphans
from app.services.installation.health import record_trouble
from app.services.operations import control
from app.services.stacks.expiry import end_expired
from app.services.state.fences import take_fence
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests.landform import ADMIN, Landform
from tests.state_bucket import bucket_variables

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 40


def wait_until(is_so: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := is_so()):
        assert time.monotonic() < deadline, f"waited too long for: {what}"
        time.sleep(0.05)
    return answer


@contextmanager
def worker(
    landform: Landform, operation: Operation, script: str = "carry_out_once.py"
) -> Iterator[subprocess.Popen[bytes]]:
    """Carry the operation out in another process."""
    settings = landform.settings
    environment = {
        **os.environ,
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(settings.home_dir),
        "LANDFORM_STATE_ROOT": str(settings.state_dir),
        "LANDFORM_WORK_ROOT": str(settings.work_dir),
        "LANDFORM_BALLAST_BYTES": str(settings.ballast_bytes),
        "LANDFORM_DATABASE_URL": settings.database,
        "LANDFORM_SECRET_KEY": settings.secret_key.get_secret_value(),
        "LANDFORM_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "LANDFORM_SANDBOX_PORT": str(settings.sandbox_port),
        "LANDFORM_REDIS_URL": settings.redis,
        "PYTHONPATH": str(ROOT),
        **bucket_variables(settings),
    }
    path = str(Path(__file__).with_name(script))
    with subprocess.Popen([sys.executable, path, operation.id], env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def kill_while_applying(landform: Landform, operation: Operation) -> None:
    """Kill the worker with SIGKILL once the cloud has begun to create something."""
    with worker(landform, operation) as process:
        wait_until(landform.cloud.list, "the first resource")
        process.send_signal(signal.SIGKILL)


def wait_for_terraform_to_end(landform: Landform, operation: Operation) -> None:
    recorded = landform.operation(operation.id).process
    assert recorded is not None
    identity = ProcessIdentity.from_dict(recorded)
    wait_until(lambda: not identity.is_alive(), "the end of Terraform")


def recorded_ids(landform: Landform, stack: Stack) -> set[str]:
    versions = landform.state_versions(stack)
    if not versions:
        return set()
    data = landform.ctx.state_store(stack.id).read(
        stack.id, versions[-1].serial, versions[-1].sha256
    )
    return {value for value in StateFile.parse(data).identifiers().values() if value}


def test_a_killed_worker_loses_no_state_and_names_what_may_be_orphaned(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    kill_while_applying(landform, operation)
    wait_for_terraform_to_end(landform, operation)
    assert dead_runs.reap(landform.ctx) == [operation.id]
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    assert done.error is not None
    assert done.error["code"] == "operation_interrupted"
    assert landform.stack(stack.id).status == "needs_attention"
    exists = {item["id"] for item in landform.cloud.list()}
    known = recorded_ids(landform, stack)
    named = {item["address"] for item in done.possibly_orphaned}
    assert exists == known or named, "every resource is in state or named"
    assert not landform.ctx.runs.of(operation.id).exists
    (check,) = landform.pending(stack)
    assert check.type == "drift_check", "people see reality at once"


@pytest.mark.thorough
def test_the_lock_of_a_stack_lasts_as_long_as_its_terraform(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    store = landform.ctx.state_store(stack.id)
    with worker(landform, operation) as process:
        wait_until(landform.cloud.list, "the first resource")
        with pytest.raises(StackBusyError), store.hold(stack.id, 0):
            pass
        recorded = landform.operation(operation.id).process
        assert recorded is not None
        opened = Path(f"/proc/{recorded['pid']}/fd").iterdir()
        held = {link.readlink().name for link in opened}
        assert held & {"writer.lock", stack.id}, "on the volume, or of the host when it is on S3"
        process.send_signal(signal.SIGKILL)
    wait_for_terraform_to_end(landform, operation)
    writer = store.fenced(take_fence(landform.ctx, stack.id))
    with writer.hold(stack.id, 5, overtakes=True):
        pass


@pytest.mark.thorough
def test_after_an_interruption_one_more_apply_finishes_the_job(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    kill_while_applying(landform, operation)
    wait_for_terraform_to_end(landform, operation)
    dead_runs.reap(landform.ctx)
    landform.cloud.set_faults(create_delay_seconds=0)
    (check,) = landform.pending(stack)
    landform.carry_out(check)
    search_orphans(landform.ctx)
    assert landform.perform(stack, OperationType.APPLY).status in (
        "applied",
        "planned_and_finished",
    )
    assert landform.stack(stack.id).status == "ready"
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)


@pytest.mark.thorough
def test_an_operation_that_died_before_changing_anything_is_queued_again(
    landform: Landform,
) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    with worker(landform, operation) as process:
        wait_until(lambda: landform.operation(operation.id).status == "planning", "the claim")
        process.send_signal(signal.SIGKILL)
    recorded = landform.operation(operation.id).process
    if recorded is not None:
        identity = ProcessIdentity.from_dict(recorded)
        wait_until(lambda: not identity.is_alive(), "the end of Terraform")
    assert dead_runs.reap(landform.ctx) == [operation.id]
    assert landform.operation(operation.id).status == "pending"
    assert landform.carry_out(operation).status == "applied"
    assert landform.stack(stack.id).status == "ready"


@pytest.mark.thorough
def test_a_live_but_paused_worker_is_never_declared_dead(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    with worker(landform, operation) as process:
        wait_until(lambda: landform.operation(operation.id).status == "applying", "the apply")
        process.send_signal(signal.SIGSTOP)
        with landform.ctx.write() as session:
            row = session.get_one(Operation, operation.id)
            assert row.lease_expires_at is not None
            row.lease_expires_at = row.lease_expires_at.replace(year=2020)
        assert dead_runs.reap(landform.ctx) == []
        process.send_signal(signal.SIGCONT)
        wait_until(lambda: landform.operation(operation.id).ended_at, "the end")
    assert landform.operation(operation.id).status == "applied"


@pytest.mark.thorough
def test_a_canceled_apply_stops_gracefully_and_keeps_its_state(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    with worker(landform, operation) as process:
        wait_until(landform.cloud.list, "the first resource")
        with perform(landform.ctx, ADMIN) as work:
            control.cancel(work, operation.id)
        assert landform.operation(operation.id).status == "canceling"
        assert process.wait(PATIENCE_SECONDS) == 0
    done = landform.operation(operation.id)
    assert done.status == "canceled"
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)
    assert landform.stack(stack.id).status == "failed"


@pytest.mark.thorough
def test_a_killed_terraform_leaves_every_resource_in_state_or_named(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    with worker(landform, operation) as process:
        wait_until(lambda: landform.cloud.list(type="subnet"), "the first subnet")
        recorded = landform.operation(operation.id).process
        assert recorded is not None
        os.kill(recorded["pid"], signal.SIGKILL)
        assert process.wait(PATIENCE_SECONDS) == 0
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    assert landform.stack(stack.id).status == "needs_attention"
    missing = [
        item for item in landform.cloud.list() if item["id"] not in recorded_ids(landform, stack)
    ]
    named = {item["address"] for item in done.possibly_orphaned}
    assert missing, "the kill came while something was being created"
    assert {f'sandbox_subnet.this["{item["attributes"]["zone"]}"]' for item in missing} <= named
    assert [check.type for check in landform.pending(stack)] == ["drift_check"]


def test_the_run_directory_of_a_discarded_plan_is_cleared_away(landform: Landform) -> None:
    _, operation = landform.create(
        "network", "web", parameters={"zones": 1}, auto_apply=AutoApply.NEVER
    )
    landform.carry_out(operation)
    run_directories.remove_leftovers(landform.ctx)
    assert landform.ctx.runs.of(operation.id).exists, "the plan may still be approved"
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, operation.id)
    run_directories.remove_leftovers(landform.ctx)
    assert not landform.ctx.runs.of(operation.id).exists


def test_a_run_directory_that_cannot_be_removed_keeps_no_other(
    landform: Landform, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    for name in ("deep", "flat"):
        _, operation = landform.create("network", name, parameters={"zones": 1})
        with perform(landform.ctx, ADMIN) as work:
            control.cancel(work, operation.id)
        runs.append(landform.ctx.runs.of(operation.id))
    deep, flat = runs
    (deep.path / "a" / "b" / "c").mkdir(parents=True)
    flat.path.mkdir(parents=True)
    with monkeypatch.context() as patched:
        patched.setattr(tree_removal, "MAX_ROUNDS", 2)  # as if a process filled it meanwhile
        with pytest.raises(UnavailableError, match=deep.path.name):
            run_directories.remove_leftovers(landform.ctx)
    assert (deep.exists, flat.exists) == (True, False)
    run_directories.remove_leftovers(landform.ctx)
    assert not deep.exists


@pytest.mark.thorough
def test_a_stack_past_its_life_time_is_destroyed_once_unless_protected(landform: Landform) -> None:
    stack = landform.made("network", "old", parameters={"zones": 1})
    kept = landform.made("network", "kept", deletion_protection=True)
    with landform.ctx.write() as session:
        for item in (stack, kept):
            session.get_one(Stack, item.id).expires_at = datetime(2020, 1, 1, tzinfo=UTC)
    assert end_expired(landform.ctx) == 1
    end_expired(landform.ctx)
    (destroy,) = landform.pending(stack)
    assert (destroy.type, destroy.requested_by) == ("destroy", "system")
    landform.carry_out(destroy)
    assert landform.stack(stack.id).status == "deleted"
    assert end_expired(landform.ctx) == 0


def test_only_one_operation_of_a_stack_runs_and_the_others_keep_their_order(
    landform: Landform, network: Stack
) -> None:
    first = landform.request(network, OperationType.PLAN)
    second = landform.request(network, OperationType.APPLY)
    third = landform.request(network, OperationType.PLAN)
    assert landform.carry_out(third).status == "pending"
    assert landform.carry_out(second).status == "pending"
    process = ProcessIdentity.of(os.getpid()).to_dict()
    assert claim(landform.ctx, first.id, "one", process) is not None
    assert claim(landform.ctx, first.id, "two", process) is None
    assert claim(landform.ctx, second.id, "two", process) is None


@pytest.mark.thorough
@pytest.mark.usefixtures("state_on_volume")
def test_no_operation_starts_while_the_volume_is_away_and_all_go_on_when_it_is_back(
    landform: Landform, network: Stack
) -> None:
    root = landform.settings.state_dir
    root.rename(root.with_name("elsewhere"))
    waiting = landform.perform(network, OperationType.APPLY)
    assert (waiting.status, waiting.steps) == ("pending", [])
    record_trouble(landform.ctx)
    reason = landform.waiting_for(waiting)
    assert reason is not None
    assert (reason["reason"], reason["code"]) == ("volume", "volume_missing")
    root.mkdir()
    record_trouble(landform.ctx)
    assert landform.carry_out(waiting).status == "pending", "an empty mount point is not it"
    root.rmdir()
    root.with_name("elsewhere").rename(root)
    record_trouble(landform.ctx)
    reason = landform.waiting_for(waiting)
    assert reason is not None
    assert reason["reason"] == "queue", "the volume is back; this Landform has no Redis"
    assert landform.carry_out(waiting).status == "planned_and_finished"


@pytest.mark.thorough
@pytest.mark.usefixtures("state_on_volume")
def test_a_state_that_cannot_be_saved_is_saved_when_the_volume_is_back(
    landform: Landform,
) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    root = landform.settings.state_dir
    with worker(landform, operation) as process:
        wait_until(landform.cloud.list, "the first resource")
        root.rename(root.with_name("elsewhere"))
        assert process.wait(PATIENCE_SECONDS) == 0
    done = landform.operation(operation.id)
    assert (done.status, (done.error or {})["code"]) == ("errored", "state_unsaved")
    again = landform.request(stack, OperationType.APPLY)
    assert landform.carry_out(again).status == "pending", "the state is saved first"
    run_directories.save_unsaved(landform.ctx)
    assert landform.operation(operation.id).has_unsaved_state
    root.with_name("elsewhere").rename(root)
    run_directories.save_unsaved(landform.ctx)
    assert not landform.operation(operation.id).has_unsaved_state
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)
    assert landform.carry_out(again).status == "planned_and_finished"


def test_an_apply_that_fails_midway_keeps_what_was_made_and_a_retry_finishes_it(
    landform: Landform,
) -> None:
    landform.cloud.set_faults(quota=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    done = landform.carry_out(operation)
    assert done.status == "errored"
    assert "quota" in (done.error or {})["detail"].lower()
    assert {step.name: step.status for step in done.steps}["apply"] == "failed"
    assert {step.name: step.status for step in done.steps}["save"] == "done"
    assert landform.stack(stack.id).status == "failed"
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)
    landform.cloud.set_faults(quota=None)
    assert landform.perform(stack, OperationType.APPLY).status == "applied"
    assert landform.stack(stack.id).status == "ready"
    assert len(landform.cloud.list()) == 4
