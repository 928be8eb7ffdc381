"""A rollback makes an earlier state the present one, shows its plan first, and forgets nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.domain.interruptions import Resolution
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.domain.state_errors import StateLineageError
from app.domain.state_file import StateFile
from app.domain.state_serial import with_serial
from app.errors import ConflictError, ValidationError
from app.models import Operation, Stack, StateVersion
from app.services.engine.claims import claim
from app.services.engine.recovery import dead_runs
from app.services.operations import control, queries
from app.services.operations.resolve import Decision, resolve
from app.services.paging import PageRequest
from app.services.stacks import locks
from app.services.stacks.change import StackChange, change_stack
from app.services.state import record
from app.services.state.fences import take_fence
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from tests.landform import ADMIN, Landform
from tests.plan_counts import counts
from tests.services.engine.test_recovery import wait_until, worker

pytestmark = pytest.mark.thorough


def change(landform: Landform, stack: Stack, **parameters: Any) -> None:
    with perform(landform.ctx, ADMIN) as work:
        wanted = StackChange(parameters=parameters)
        _, operation = change_stack(work, stack.id, wanted)
    assert operation is not None
    assert landform.carry_out(operation).status == "applied"


def ask(landform: Landform, stack: Stack, serial: int | None) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        return control.request_operation(
            work, stack.id, OperationType.ROLLBACK, PlanOptions(serial=serial)
        )[1]


def approve(landform: Landform, operation: Operation) -> Operation:
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    return landform.carry_out(operation)


def plan_of(landform: Landform, operation: Operation) -> dict[str, Any]:
    with landform.ctx.read() as session:
        found: dict[str, Any] = queries.plan_of(landform.ctx, session, ADMIN, operation.id)
    return found


def state_of(landform: Landform, version: StateVersion) -> bytes:
    return landform.ctx.state_store(version.stack_id).read(
        version.stack_id, version.serial, version.sha256
    )


def file_of(landform: Landform, version: StateVersion) -> Path:
    folder = landform.settings.state_dir / "stacks" / version.stack_id / "versions"
    return folder / f"{version.serial}-{version.sha256}.tfstate"


@pytest.fixture
def grown(landform: Landform, network: Stack) -> Stack:
    """A network with two state versions: of one zone, and of three."""
    change(landform, network, zones=3)
    assert len(landform.state_versions(network)) == 2
    return landform.stack(network.id)


def test_the_plan_waits_for_approval_whatever_the_rule_of_the_stack(
    landform: Landform, grown: Stack
) -> None:
    assert grown.auto_apply == "always"
    first, last = landform.state_versions(grown)
    operation = landform.carry_out(ask(landform, grown, first.serial))
    assert (operation.status, operation.approved_at) == ("planned", None)
    assert operation.plan_summary is not None
    assert landform.state_versions(grown)[-1].serial == last.serial, "nothing has moved yet"
    lost = plan_of(landform, operation)["forgotten"]
    before = StateFile.parse(state_of(landform, first)).identifiers()
    after = StateFile.parse(state_of(landform, last)).identifiers()
    gone = {identifier for identifier in after.values() if identifier not in before.values()}
    assert gone
    assert {item["id"] for item in lost} == gone
    assert any("is in the present state" in message for message in landform.messages(operation))
    assert operation.possibly_orphaned == [], "it becomes true with the approval only"


@pytest.fixture
def machines(landform: Landform, network: Stack) -> Stack:
    """A machine group with two state versions: of one machine, and of three."""
    made = landform.made("machine-group", "workers", parameters={"network": "net"})
    change(landform, made, count=3)
    return landform.stack(made.id)


def test_after_approval_the_old_state_follows_the_present_one_and_is_applied(
    landform: Landform, machines: Stack
) -> None:
    first, last = landform.state_versions(machines)
    old = StateFile.parse(state_of(landform, first)).identifiers()
    gone = set(StateFile.parse(state_of(landform, last)).identifiers().values()) - {*old.values()}
    operation = landform.carry_out(ask(landform, machines, first.serial))
    assert operation.plan_summary == counts(add=2, forget=2), "it tells what it forgets"
    done = approve(landform, operation)
    assert (done.status, done.approved_by) == ("applied", "admin"), done.error
    assert f"as {last.serial + 1}." in "".join(landform.messages(done))
    now = landform.state_versions(machines)[-1]
    assert (now.serial > last.serial, now.lineage) == (True, first.lineage)
    known = StateFile.parse(state_of(landform, now)).identifiers()
    assert old.items() <= known.items()
    assert {item["id"] for item in done.possibly_orphaned} == gone
    tag = f"landform:stack={machines.id}"
    there = {item["id"] for item in landform.cloud.list(tag=tag)}
    assert there == {*known.values()} | gone, "what no state holds is named"
    stack = landform.stack(machines.id)
    assert (stack.status, stack.has_pending_changes) == ("ready", False)


def test_a_rollback_that_fails_names_what_it_forgot_and_is_undone_by_a_rollback(
    landform: Landform, grown: Stack
) -> None:
    first, last = landform.state_versions(grown)
    wanted = StateFile.parse(state_of(landform, last)).identifiers()
    operation = landform.carry_out(ask(landform, grown, first.serial))
    failed = approve(landform, operation)  # the subnets that it forgets are in its way
    assert failed.status == "interrupted"
    kept = StateFile.parse(state_of(landform, first)).identifiers()
    assert {item["id"] for item in failed.possibly_orphaned} >= {
        identifier for identifier in wanted.values() if identifier not in kept.values()
    }
    (check,) = landform.pending(grown)
    landform.carry_out(check)
    with perform(landform.ctx, ADMIN) as work:
        resolve(work, failed.id, Decision(Resolution.ACCEPT))
    back = approve(landform, landform.carry_out(ask(landform, grown, last.serial)))
    assert back.status == "applied", back.error
    now = StateFile.parse(state_of(landform, landform.state_versions(grown)[-1])).identifiers()
    assert now == wanted
    assert landform.stack(grown.id).status == "ready"


def test_a_discarded_rollback_changes_nothing(landform: Landform, grown: Stack) -> None:
    versions = [item.serial for item in landform.state_versions(grown)]
    operation = landform.carry_out(ask(landform, grown, versions[0]))
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, operation.id)
    assert [item.serial for item in landform.state_versions(grown)] == versions
    assert landform.operation(operation.id).possibly_orphaned == []
    assert landform.perform(grown, OperationType.PLAN).plan_summary == counts()


def test_a_rollback_without_anything_to_do_still_moves_the_state(
    landform: Landform, network: Stack
) -> None:
    (first,) = landform.state_versions(network)
    raised = with_serial(state_of(landform, first), first.serial + 3)
    keep(landform, network, raised)
    operation = landform.carry_out(ask(landform, network, first.serial))
    assert operation.status == "planned"
    assert "forgotten" not in plan_of(landform, operation)
    done = approve(landform, operation)
    assert (done.status, done.possibly_orphaned) == ("applied", []), done.error
    assert landform.state_versions(network)[-1].serial >= first.serial + 4


@pytest.mark.parametrize("damage", ["flip", "empty", "remove", "pointer"])
def test_a_damaged_present_state_is_mended_by_a_rollback(
    landform: Landform, grown: Stack, damage: str
) -> None:
    change(landform, grown, zones=1)
    first, _, last = landform.state_versions(grown)
    path = file_of(landform, last)
    harm: dict[str, Callable[[], object]] = {
        "flip": lambda: path.write_bytes(_flipped(path.read_bytes())),
        "empty": lambda: path.write_bytes(b""),
        "remove": path.unlink,
        "pointer": lambda: (path.parents[1] / "current").write_bytes(b""),
    }
    harm[damage]()
    failed = landform.perform(grown, OperationType.PLAN)
    assert failed.status == "errored"
    assert (failed.error or {})["code"] == "state_corrupt"
    operation = landform.carry_out(ask(landform, grown, first.serial))
    assert operation.status == "planned", operation.error
    done = approve(landform, operation)
    assert done.status == "applied", done.error
    assert landform.state_versions(grown)[-1].serial > last.serial
    assert landform.perform(grown, OperationType.PLAN).status == "planned_and_finished"


@pytest.mark.usefixtures("state_on_volume")
def test_a_damaged_earlier_version_is_refused_and_nothing_moves(
    landform: Landform, grown: Stack
) -> None:
    first, last = landform.state_versions(grown)
    path = file_of(landform, first)
    path.write_bytes(_flipped(path.read_bytes()))
    operation = landform.carry_out(ask(landform, grown, first.serial))
    assert operation.status == "errored"
    assert (operation.error or {})["code"] == "state_corrupt"
    assert landform.state_versions(grown)[-1].serial == last.serial
    assert landform.stack(grown.id).status == "ready"


def test_only_an_earlier_version_of_the_same_lineage_can_be_gone_back_to(
    landform: Landform, grown: Stack
) -> None:
    first, last = landform.state_versions(grown)
    for serial in (None, last.serial, last.serial + 1, 0):
        with pytest.raises(ValidationError) as caught:
            ask(landform, grown, serial)
        assert [item.pointer for item in caught.value.problems] == ["/serial"]
    with landform.ctx.write() as session:
        session.get_one(StateVersion, first.id).lineage = "another"
    with pytest.raises(StateLineageError):
        ask(landform, grown, first.serial)


def test_other_operations_take_no_serial_and_a_rollback_takes_no_targets(
    landform: Landform, grown: Stack
) -> None:
    first = landform.state_versions(grown)[0]
    for kind, options in (
        (OperationType.APPLY, PlanOptions(serial=first.serial)),
        (OperationType.ROLLBACK, PlanOptions(serial=first.serial, targets=("a.b",))),
    ):
        with pytest.raises(ValidationError), perform(landform.ctx, ADMIN) as work:
            control.request_operation(work, grown.id, kind, options)


def test_a_stack_that_is_gone_or_going_is_not_rolled_back(landform: Landform, grown: Stack) -> None:
    first = landform.state_versions(grown)[0]
    destroy = landform.request(grown, OperationType.DESTROY)
    with pytest.raises(ConflictError):
        ask(landform, grown, first.serial)
    assert landform.carry_out(destroy).status == "applied"
    with pytest.raises(ConflictError):
        ask(landform, grown, first.serial)


def test_a_lock_holds_a_rollback_back(landform: Landform, grown: Stack) -> None:
    first = landform.state_versions(grown)[0]
    with perform(landform.ctx, ADMIN) as work:
        locks.lock_stack(work, grown.id, "moving it")
    operation = landform.carry_out(ask(landform, grown, first.serial))
    assert operation.status == "pending"
    assert (landform.waiting_for(operation) or {})["reason"] == "lock"
    with perform(landform.ctx, ADMIN) as work:
        locks.unlock_stack(work, grown.id, None)
    assert landform.carry_out(operation).status == "planned"


def test_a_rollback_that_is_killed_loses_nothing_and_forgets_nothing(
    landform: Landform, machines: Stack
) -> None:
    first, last = landform.state_versions(machines)
    gone = {*StateFile.parse(state_of(landform, last)).identifiers().values()}
    gone -= {*StateFile.parse(state_of(landform, first)).identifiers().values()}
    operation = landform.carry_out(ask(landform, machines, first.serial))
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    landform.cloud.set_faults(create_delay_seconds=2)
    tag = f"landform:stack={machines.id}"
    with worker(landform, operation) as process:
        wait_until(lambda: len(landform.cloud.list(tag=tag)) > 3, "the first machine made again")
        process.send_signal(signal.SIGKILL)
    wait_until(lambda: dead_runs.reap(landform.ctx), "the reaper")
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    now = landform.state_versions(machines)[-1]
    assert (now.serial > last.serial, now.lineage) == (True, first.lineage)
    known = {*StateFile.parse(state_of(landform, now)).identifiers().values()}
    assert gone <= {item["id"] for item in done.possibly_orphaned}
    unrecorded = {item["id"] for item in landform.cloud.list(tag=tag)} - known - gone
    assert len(unrecorded) <= len(done.possibly_orphaned) - len(gone)
    again = resolved(landform, done)
    assert (again.type, again.requires_approval) == ("apply", True)


def test_a_rollback_that_died_before_it_moved_the_state_is_tried_again_as_one(
    landform: Landform, grown: Stack
) -> None:
    first, last = landform.state_versions(grown)
    operation = landform.carry_out(ask(landform, grown, first.serial))
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    here = ProcessIdentity.of(os.getpid())
    dead = replace(here, start_time=here.start_time - 1)
    assert claim(landform.ctx, operation.id, "dead", dead.to_dict()) is not None
    assert dead_runs.reap(landform.ctx) == [operation.id]
    assert landform.state_versions(grown)[-1].serial == last.serial
    again = resolved(landform, landform.operation(operation.id))
    assert (again.type, again.options) == ("rollback", {"serial": first.serial})


def resolved(landform: Landform, operation: Operation) -> Operation:
    """Decide to try an interrupted operation again, and return what was queued."""
    with perform(landform.ctx, ADMIN) as work:
        decision = Decision(Resolution.RETRY, is_forced=True, reason="a test")
        following = resolve(work, operation.id, decision)[1]
    assert following is not None
    return following


def keep(landform: Landform, stack: Stack, data: bytes) -> None:
    """Make ``data`` the state of record in the name of the stack's last operation."""
    store = landform.ctx.state_store(stack.id).fenced(take_fence(landform.ctx, stack.id))
    with landform.ctx.write() as session:
        page = queries.OperationFilter(stack_id=stack.id)
        row = queries.list_operations(session, ADMIN, page, PageRequest()).items[0]
        record.promote(session, store, row, data)


def _flipped(data: bytes) -> bytes:
    return data[:-20] + bytes([data[-20] ^ 1]) + data[-19:]


def test_a_rollback_counts_what_it_forgets_in_its_plan_or_adopts_it(
    landform: Landform, grown: Stack
) -> None:
    first, last = landform.state_versions(grown)
    wanted = StateFile.parse(state_of(landform, last)).identifiers()
    planned = landform.carry_out(ask(landform, grown, first.serial))
    summary, plan = planned.plan_summary or {}, plan_of(landform, planned)
    forgets = [item for item in plan["changes"] if item["action"] == "forget"]
    assert summary["forget"] == len(forgets) == len(plan["forgotten"]) > 0
    assert {item["before"]["id"] for item in forgets} <= set(wanted.values())
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, planned.id)
    with perform(landform.ctx, ADMIN) as work:
        options = PlanOptions(serial=first.serial, adopts_forgotten=True)
        _, adopting = control.request_operation(work, grown.id, OperationType.ROLLBACK, options)
    adopted = landform.carry_out(adopting)
    told = adopted.plan_summary or {}
    assert (told["forget"], told["import"]) == (0, summary["forget"])
    done = approve(landform, adopted)
    assert (done.status, done.possibly_orphaned) == ("applied", []), done.error
    now = StateFile.parse(state_of(landform, landform.state_versions(grown)[-1])).identifiers()
    assert now == wanted
