"""What the kill campaign found: each sudden death here once lost or forgot something."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from app.domain.operations import OperationStatus, OperationType
from app.models import Operation, Stack
from app.services.engine import snapshots
from app.services.engine.claims import begin_applying, claim
from app.services.engine.recorder import Recorder
from app.services.engine.recovery import dead_runs
from app.services.queue.status import move
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests.landform import ADMIN, Landform
from tests.services.engine.test_recovery import PATIENCE_SECONDS, recorded_ids, wait_until, worker

pytestmark = pytest.mark.thorough

NOBODY = {"pid": 2**22 + 1, "start_time": 1, "pgid": 2**22 + 1}


def died_while_planning(landform: Landform, operation: Operation) -> None:
    """Leave the operation as a worker does that was killed after it had begun to plan."""
    dead = {**ProcessIdentity.of(os.getpid()).to_dict(), **NOBODY}
    assert claim(landform.ctx, operation.id, "dead", dead) is not None
    landform.ctx.runs.of(operation.id).logs.mkdir(parents=True)


def unrecorded(landform: Landform, stack: Stack) -> list[dict[str, Any]]:
    known = recorded_ids(landform, stack)
    return [item for item in landform.cloud.list() if item["id"] not in known]


def provider_of(landform: Landform, operation: Operation) -> psutil.Process:
    recorded = landform.operation(operation.id).process
    assert recorded is not None
    (provider,) = psutil.Process(recorded["pid"]).children()
    return provider


def test_a_killed_provider_leaves_every_resource_in_state_or_named(landform: Landform) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 3})
    with worker(landform, operation) as process:
        wait_until(lambda: landform.cloud.list(type="subnet"), "the first subnet")
        provider_of(landform, operation).send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE_SECONDS) == 0
    done = landform.operation(operation.id)
    missing = unrecorded(landform, stack)
    assert missing, "the kill came while something was being created"
    named = {item["address"] for item in done.possibly_orphaned}
    assert {f'sandbox_subnet.this["{item["attributes"]["zone"]}"]' for item in missing} <= named
    assert done.status == "interrupted"
    assert landform.stack(stack.id).status == "needs_attention"


def test_a_run_directory_is_gone_before_its_operation_can_start_again(
    landform: Landform, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    died_while_planning(landform, operation)
    at_notifications: list[bool] = []
    directory = landform.ctx.runs.of(operation.id)
    monkeypatch.setattr(
        type(landform.ctx.notifier), "notify", lambda *_: at_notifications.append(directory.exists)
    )
    assert dead_runs.reap(landform.ctx) == [operation.id]
    assert landform.operation(operation.id).status == "pending"
    assert at_notifications == [False], (
        "whoever hears the ring must find no folder, and keep his own"
    )


def test_only_deaths_count_against_an_operation_and_not_the_rings_that_redis_lost(
    landform: Landform,
) -> None:
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    with landform.ctx.write() as session:
        session.get_one(Operation, operation.id).attempt = 100
    for _ in range(dead_runs.MAX_DEATHS - 1):
        died_while_planning(landform, operation)
        dead_runs.reap(landform.ctx)
        assert landform.operation(operation.id).status == "pending"
    died_while_planning(landform, operation)
    dead_runs.reap(landform.ctx)
    done = landform.operation(operation.id)
    assert (done.status, (done.error or {})["code"]) == ("errored", "operation_interrupted")
    assert f"{dead_runs.MAX_DEATHS} times" in (done.error or {})["detail"]


def test_one_operation_that_cannot_be_recovered_does_not_keep_others_from_it(
    landform: Landform,
) -> None:
    operations = [landform.create("network", name)[1] for name in ("left", "right")]
    for operation in operations:
        died_while_planning(landform, operation)
    with landform.ctx.write() as session:
        broken = session.get_one(Operation, operations[0].id)
        broken.status, broken.has_applied = OperationStatus.PLANNING.value, True
    assert operations[1].id in dead_runs.reap(landform.ctx)
    assert landform.operation(operations[1].id).status == "pending"


def test_a_bug_in_the_middle_of_an_apply_loses_neither_state_nor_resources(
    landform: Landform, monkeypatch: pytest.MonkeyPatch
) -> None:
    landform.cloud.set_faults(create_delay_seconds=1)
    stack, operation = landform.create("network", "web", parameters={"zones": 2})
    poll = Recorder.poll

    def break_down(recorder: Recorder) -> None:
        if landform.cloud.list(type="subnet"):
            raise OperationalError("UPDATE", {}, Exception("the database went away"))
        poll(recorder)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "poll", break_down)
        done = landform.carry_out(operation)
    assert done.status in ("interrupted", "errored")
    named = {item["id"] or item["address"] for item in done.possibly_orphaned}
    assert recorded_ids(landform, stack)
    assert len(unrecorded(landform, stack)) <= len(named)
    assert not landform.ctx.runs.of(operation.id).exists


def test_a_terraform_that_no_row_knows_of_keeps_its_operation(
    landform: Landform, tmp_path: Path
) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    dead = {**ProcessIdentity.of(os.getpid()).to_dict(), **NOBODY}
    assert claim(landform.ctx, operation.id, "dead", dead) is not None
    with landform.ctx.write() as session:
        row = session.get_one(Operation, operation.id)
        move(row, OperationStatus.PLANNED)
        begin_applying(row)
    folder = landform.ctx.runs.of(operation.id)
    folder.logs.mkdir(parents=True)
    with psutil.Popen(["sleep", "60"], cwd=folder.path, start_new_session=True) as terraform:
        try:
            assert dead_runs.reap(landform.ctx) == [], "it may still be changing the cloud"
            assert folder.exists
        finally:
            terraform.kill()
    assert dead_runs.reap(landform.ctx) == [operation.id]
    assert landform.operation(operation.id).status == "interrupted"
    assert [check.type for check in landform.pending(stack)] == [OperationType.DRIFT_CHECK]


def test_a_worker_has_one_thread_so_that_its_terraform_is_interrupted_once(
    landform: Landform,
) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    _, operation = landform.create("network", "web", parameters={"zones": 1})
    with worker(landform, operation) as process:
        wait_until(lambda: landform.operation(operation.id).process, "a Terraform")
        assert psutil.Process(process.pid).num_threads() == 1
        assert process.wait(PATIENCE_SECONDS) == 0
    assert landform.operation(operation.id).status == "applied"


def test_what_is_gone_and_not_wanted_any_more_leaves_the_state(landform: Landform) -> None:
    """A run that dies between a deletion and its record leaves such a state."""
    stack = landform.made("network", "web", parameters={"zones": 2})
    (gone,) = [
        item
        for item in landform.cloud.list(type="subnet")
        if item["attributes"]["zone"] == "eu-west-b"
    ]
    landform.cloud.call("DELETE", f"/resources/{gone['id']}?force=true")
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 1})
        _, operation = change_stack(work, stack.id, change)
    assert operation is not None
    assert landform.carry_out(operation).status == "applied"
    assert recorded_ids(landform, stack) == {item["id"] for item in landform.cloud.list()}


def test_a_crash_while_snapshots_are_forgotten_leaves_no_row_without_its_state(
    landform: Landform, network: Stack
) -> None:
    versions = landform.state_versions(network)
    with landform.ctx.write() as session:
        operation = session.get_one(Operation, versions[-1].operation_id)
        assert snapshots.forget_snapshots(session, operation, versions[-1].serial + 1)
        session.rollback()  # as a crash before the commit does
    store = landform.ctx.state_store(network.id)
    for version in landform.state_versions(network):
        assert store.read(network.id, version.serial, version.sha256)
