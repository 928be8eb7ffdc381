"""After an interruption nothing is made twice, left behind or forgotten: over REST, in a cloud."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.errors import CloudSearchError
from app.factory import create_app
from app.models import AuditEvent, Operation, Stack
from app.services.engine import destroy_search
from app.services.engine.recovery import dead_runs
from app.services.engine.recovery.orphan_search import AGAIN, search_orphans
from tests.api.rest import Rest, pointers, problem
from tests.landform import Landform
from tests.services.engine.test_recovery import (
    PATIENCE_SECONDS,
    kill_while_applying,
    recorded_ids,
    wait_for_terraform_to_end,
    wait_until,
    worker,
)

MACHINES = 4


@pytest.fixture
def rest(landform: Landform) -> Rest:
    """The API of the same Landform."""
    return Rest(create_app(landform.settings, landform.ctx))


@pytest.fixture
def group(landform: Landform, network: Stack) -> tuple[Stack, Operation]:
    """A group of machines that was asked for and is not made yet."""
    parameters = {"network": network.name, "count": MACHINES}
    return landform.create("machine-group", "web", parameters=parameters)


def machines(landform: Landform) -> list[dict[str, Any]]:
    return landform.cloud.list(type="machine")


def kill_provider(landform: Landform, operation: Operation) -> Operation:
    """Kill only the provider while the machines are created, and return what became of it."""
    landform.cloud.set_faults(create_delay_seconds=2)
    with worker(landform, operation) as process:
        wait_until(lambda: len(machines(landform)) == MACHINES, "all machines")
        recorded = landform.operation(operation.id).process
        assert recorded is not None
        (provider,) = psutil.Process(recorded["pid"]).children()
        provider.send_signal(signal.SIGKILL)
        assert process.wait(PATIENCE_SECONDS) == 0
    landform.cloud.set_faults(create_delay_seconds=0)
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    return done


@pytest.fixture
def interrupted(landform: Landform, group: tuple[Stack, Operation]) -> Operation:
    """An apply whose provider was killed while four machines were created; it is searched for."""
    done = kill_provider(landform, group[1])
    search_orphans(landform.ctx)
    return landform.operation(done.id)


def finish(landform: Landform, rest: Rest, answer: Any) -> Operation:
    """Carry out what a decision queued, and approve it."""
    assert answer.status_code == 202, answer.text
    following = landform.operation(answer.get_json()["following"]["id"])
    planned = landform.carry_out(following)
    assert planned.status == "planned", planned.error
    assert rest.post(f"/operations/{following.id}/approve").status_code == 202
    return landform.carry_out(following)


def ask(rest: Rest, stack_id: str, kind: str) -> dict[str, Any]:
    """Ask for an operation and return it."""
    answer = rest.post(f"/stacks/{stack_id}/operations", {"type": kind})
    assert answer.status_code == 202, answer.text
    return dict(answer.get_json()["operation"])


def search_again(landform: Landform, operation: Operation) -> Operation:
    """Let the time pass after which the cloud is searched again."""
    with landform.ctx.write() as session:
        session.get_one(Operation, operation.id).orphans_searched_at = utc_now() - 2 * AGAIN
    search_orphans(landform.ctx)
    return landform.operation(operation.id)


def test_what_could_double_or_abandon_is_refused_with_the_way_out(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    stack_id = interrupted.stack_id
    path = f"/stacks/{stack_id}/operations"
    for body in ({"type": "apply"}, {"type": "destroy"}, {"type": "apply", "replace": ["a.b"]}):
        refused = problem(rest.post(path, body), 409, "orphans_unresolved")
        assert refused["context"]["operation_id"] == interrupted.id
        assert refused["context"]["resolve"].endswith(f"{interrupted.id}/resolve")
        assert len(refused["context"]["possibly_orphaned"]) == MACHINES
    etag = rest.get(f"/machine-groups/{stack_id}").headers["ETag"]
    deleted = rest.delete(f"/machine-groups/{stack_id}", If_Match=etag)
    problem(deleted, 409, "orphans_unresolved")
    changed = rest.patch(f"/machine-groups/{stack_id}", {"parameters": {"count": 5}}, If_Match=etag)
    problem(changed, 409, "orphans_unresolved")
    assert rest.post(path, {"type": "plan"}).status_code == 202, "looking does no harm"
    assert len(machines(landform)) == MACHINES


def test_what_was_queued_before_waits_and_says_for_what(
    landform: Landform, rest: Rest, group: tuple[Stack, Operation]
) -> None:
    stack, first = group
    queued = ask(rest, stack.id, "apply")
    kill_provider(landform, first)
    search_orphans(landform.ctx)
    waiting = landform.operation(queued["id"])
    assert landform.carry_out(waiting).status == "pending"
    reason = rest.get(f"/operations/{waiting.id}").get_json()["waiting_for"]
    assert (reason["reason"], reason["operation_id"]) == ("orphans", first.id)
    assert len(machines(landform)) == MACHINES
    answer = rest.post(f"/operations/{first.id}/resolve", {"action": "adopt"})
    assert finish(landform, rest, answer).status == "applied"
    assert landform.carry_out(waiting).status == "planned_and_finished"
    assert len(machines(landform)) == MACHINES


def test_a_retry_adopts_what_was_found_and_doubles_nothing(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    before = {item["id"] for item in machines(landform)}
    answer = rest.post(f"/operations/{interrupted.id}/resolve", {"action": "retry"})
    assert finish(landform, rest, answer).status == "applied"
    stack = landform.stack(interrupted.stack_id)
    assert stack.status == "ready"
    assert {item["id"] for item in machines(landform)} == before == recorded_ids(landform, stack)
    assert rest.get(f"/operations/{interrupted.id}").get_json()["unresolved"] is False
    again = rest.post(f"/stacks/{stack.id}/operations", {"type": "apply"})
    assert again.status_code == 202


@pytest.mark.thorough
def test_a_retry_by_force_says_why_and_leaves_the_orphans_to_the_search_of_the_destroy(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    path = f"/operations/{interrupted.id}/resolve"
    refused = problem(rest.post(path, {"action": "retry", "force": True}), 422, "validation_failed")
    assert pointers(refused) == ["/reason"]
    body = {"action": "retry", "force": True, "reason": "They belong to a test."}
    assert finish(landform, rest, rest.post(path, body)).status == "applied"
    resolution = rest.get(f"/operations/{interrupted.id}").get_json()["resolution"]
    assert (resolution["is_forced"], resolution["reason"]) == (True, body["reason"])
    assert len(machines(landform)) == 2 * MACHINES
    stack = landform.stack(interrupted.stack_id)
    destroy = rest.post(f"/stacks/{stack.id}/operations", {"type": "destroy"}).get_json()[
        "operation"
    ]
    done = landform.carry_out(landform.operation(destroy["id"]))
    assert (done.status, (done.error or {})["code"]) == ("interrupted", "resources_left")
    assert landform.stack(stack.id).status == "needs_attention"
    alive = {item["id"] for item in machines(landform)}
    assert {item["id"] for item in done.possibly_orphaned} == alive
    assert len(alive) == MACHINES


def test_a_destroy_takes_the_orphans_with_it(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    queued = [item.id for item in landform.pending(landform.stack(interrupted.stack_id))]
    answer = rest.post(f"/operations/{interrupted.id}/resolve", {"action": "destroy"})
    assert finish(landform, rest, answer).status == "applied"
    assert landform.stack(interrupted.stack_id).status == "deleted"
    assert machines(landform) == []
    assert {landform.operation(name).status for name in queued} == {"canceled"}


def test_a_destroy_takes_orphans_that_the_configuration_has_no_place_for(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    with landform.ctx.write() as session:
        stack = session.get_one(Stack, interrupted.stack_id)
        stack.parameters = {**stack.parameters, "count": 1}
    answer = rest.post(f"/operations/{interrupted.id}/resolve", {"action": "destroy"})
    done = finish(landform, rest, answer)
    assert done.status == "applied", done.error
    assert landform.stack(interrupted.stack_id).status == "deleted"
    assert machines(landform) == []


@pytest.mark.thorough
def test_a_destroy_after_an_acceptance_does_not_claim_that_nothing_is_left(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    path = f"/operations/{interrupted.id}/resolve"
    assert rest.post(path, {"action": "accept"}).status_code == 200
    stack_id = interrupted.stack_id
    destroy = rest.post(f"/stacks/{stack_id}/operations", {"type": "destroy"}).get_json()[
        "operation"
    ]
    done = landform.carry_out(landform.operation(destroy["id"]))
    assert (done.status, landform.stack(stack_id).status) == ("interrupted", "needs_attention")
    assert len(done.possibly_orphaned) == MACHINES
    assert all(item["address"] for item in done.possibly_orphaned), "what was planned tells them"
    search_orphans(landform.ctx)
    answer = rest.post(f"/operations/{done.id}/resolve", {"action": "destroy"})
    assert finish(landform, rest, answer).status == "applied"
    assert landform.stack(stack_id).status == "deleted"
    assert machines(landform) == []


@pytest.mark.thorough
def test_orphans_that_somebody_deletes_by_hand_resolve_themselves(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    for item in machines(landform):
        landform.cloud.call("DELETE", f"/resources/{item['id']}?force=true")
    found = search_again(landform, interrupted)
    assert (found.holds_back, found.possibly_orphaned) == (False, [])
    with landform.ctx.read() as session:
        events = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "operation.orphans_resolved")
        )
        assert [event.object_id for event in events] == [interrupted.id]
    applied = rest.post(f"/stacks/{interrupted.stack_id}/operations", {"type": "apply"}).get_json()[
        "operation"
    ]
    assert landform.carry_out(landform.operation(applied["id"])).status == "applied"
    assert landform.operation(interrupted.id).resolution["action"] == "overtaken"  # type: ignore[index]
    assert len(machines(landform)) == MACHINES


@pytest.mark.thorough
def test_a_discarded_decision_leaves_the_matter_open(
    landform: Landform, rest: Rest, interrupted: Operation
) -> None:
    path = f"/operations/{interrupted.id}/resolve"
    following = rest.post(path, {"action": "adopt"}).get_json()["following"]
    landform.carry_out(landform.operation(following["id"]))
    assert rest.post(f"/operations/{following['id']}/discard").status_code == 202
    shown = rest.get(f"/operations/{interrupted.id}").get_json()
    assert (shown["unresolved"], shown["resolution"]) == (True, None)
    refused = rest.post(f"/stacks/{interrupted.stack_id}/operations", {"type": "apply"})
    problem(refused, 409, "orphans_unresolved")
    search_orphans(landform.ctx)
    assert finish(landform, rest, rest.post(path, {"action": "adopt"})).status == "applied"
    assert len(machines(landform)) == MACHINES


@pytest.mark.thorough
def test_a_destroy_whose_cloud_cannot_be_asked_waits_for_its_answer(
    landform: Landform, rest: Rest, network: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destroy_search, "PATIENCE_SECONDS", 0.0)
    with monkeypatch.context() as patch:
        patch.setattr(destroy_search, "find_of_stack", _away)
        destroy = rest.post(f"/stacks/{network.id}/operations", {"type": "destroy"}).get_json()[
            "operation"
        ]
        done = landform.carry_out(landform.operation(destroy["id"]))
    assert (done.status, (done.error or {})["code"]) == ("interrupted", "destroy_unverified")
    assert landform.stack(network.id).status == "needs_attention"
    refused = rest.post(f"/operations/{done.id}/resolve", {"action": "accept"})
    assert pointers(problem(refused, 422, "validation_failed")) == ["/force"]
    search_orphans(landform.ctx)
    assert landform.stack(network.id).status == "deleted", "once the cloud has said so"


def _away(*_: object) -> Any:
    raise CloudSearchError("The cloud does not answer.")


def remove_whole(run: Path) -> None:
    shutil.rmtree(run)


def replace_work_root(run: Path) -> None:
    work = run.parents[1]
    work.rename(work.with_name("elsewhere"))
    work.mkdir()


def remove_state_copy(run: Path) -> None:
    for path in run.glob("terraform.tfstate*"):
        path.unlink()


def replace_by_file(run: Path) -> None:
    run.rename(run.with_name("moved"))
    run.write_text("not a folder")


@pytest.mark.parametrize(
    "damage",
    [
        remove_whole,
        pytest.param(replace_work_root, marks=pytest.mark.thorough),
        pytest.param(replace_by_file, marks=pytest.mark.thorough),
    ],
)
def test_a_run_directory_that_vanishes_in_mid_apply_loses_no_resource(
    landform: Landform, group: tuple[Stack, Operation], damage: Callable[[Path], None]
) -> None:
    stack, operation = group
    done = _damaged(landform, operation, damage)
    assert done.status == "interrupted"
    assert landform.stack(stack.id).status == "needs_attention"
    assert {item["address"] for item in done.possibly_orphaned} == {
        f'sandbox_machine.this["{number:02d}"]' for number in range(1, MACHINES + 1)
    }
    search_orphans(landform.ctx)
    found = landform.operation(operation.id).possibly_orphaned
    assert {item["id"] for item in found} == {item["id"] for item in machines(landform)}


@pytest.mark.thorough
def test_a_vanished_run_is_adopted_and_a_destroy_of_it_leaves_nothing(
    landform: Landform, rest: Rest, group: tuple[Stack, Operation]
) -> None:
    stack, operation = group
    _damaged(landform, operation, remove_whole)
    search_orphans(landform.ctx)
    before = {item["id"] for item in machines(landform)}
    answer = rest.post(f"/operations/{operation.id}/resolve", {"action": "retry"})
    assert finish(landform, rest, answer).status == "applied"
    assert {item["id"] for item in machines(landform)} == before
    destroy = rest.post(f"/stacks/{stack.id}/operations", {"type": "destroy"}).get_json()[
        "operation"
    ]
    assert landform.carry_out(landform.operation(destroy["id"])).status == "applied"
    assert machines(landform) == []


@pytest.mark.thorough
def test_a_state_copy_that_is_removed_alone_loses_no_resource(
    landform: Landform, group: tuple[Stack, Operation]
) -> None:
    stack, operation = group
    done = _damaged(landform, operation, remove_state_copy)
    known = recorded_ids(landform, stack)
    search_orphans(landform.ctx)
    named = {item["id"] for item in landform.operation(operation.id).possibly_orphaned}
    assert known | named == {item["id"] for item in machines(landform)}
    assert done.status == "applied" or named


@pytest.mark.thorough
def test_event_lines_and_a_plan_that_are_removed_alone_harm_nothing(
    landform: Landform, group: tuple[Stack, Operation]
) -> None:
    def remove_events_and_plan(run: Path) -> None:
        (run / "logs" / "apply.jsonl").unlink()
        (run / "landform.tfplan").unlink()

    stack, operation = group
    assert _damaged(landform, operation, remove_events_and_plan).status == "applied"
    assert recorded_ids(landform, stack) == {item["id"] for item in machines(landform)}


@pytest.mark.thorough
def test_event_lines_that_are_gone_when_a_worker_dies_are_read_from_sql(
    landform: Landform, group: tuple[Stack, Operation]
) -> None:
    _, operation = group
    landform.cloud.set_faults(create_delay_seconds=3)
    with worker(landform, operation) as process:
        wait_until(lambda: len(machines(landform)) == MACHINES, "all machines")
        wait_until(lambda: _starts(landform, operation) == MACHINES, "all starts in SQL")
        shutil.rmtree(landform.ctx.runs.of(operation.id).path)
        process.send_signal(signal.SIGKILL)
    wait_for_terraform_to_end(landform, operation)
    assert dead_runs.reap(landform.ctx) == [operation.id]
    done = landform.operation(operation.id)
    assert done.status == "interrupted"
    assert len({item["address"] for item in done.possibly_orphaned}) == MACHINES


@pytest.mark.thorough
def test_a_volume_that_goes_with_the_run_directory_leaves_the_orphans_named(
    landform: Landform, group: tuple[Stack, Operation]
) -> None:
    root = landform.settings.state_dir

    def remove_both(run: Path) -> None:
        shutil.rmtree(run)
        root.rename(root.with_name("away"))

    _, operation = group
    done = _damaged(landform, operation, remove_both)
    assert done.status == "interrupted"
    assert len({item["address"] for item in done.possibly_orphaned}) == MACHINES
    root.with_name("away").rename(root)
    search_orphans(landform.ctx)
    found = landform.operation(operation.id).possibly_orphaned
    assert {item["id"] for item in found} == {item["id"] for item in machines(landform)}


@pytest.mark.thorough
def test_a_destroy_without_a_state_believes_that_nothing_was_made_only_if_no_apply_began(
    landform: Landform, rest: Rest, group: tuple[Stack, Operation]
) -> None:
    stack, operation = group
    _damaged(landform, operation, remove_whole)
    with landform.ctx.write() as session:  # as if it had been resolved by an older Landform
        session.get_one(Operation, operation.id).holds_back = False
    destroy = rest.post(f"/stacks/{stack.id}/operations", {"type": "destroy"}).get_json()[
        "operation"
    ]
    done = landform.carry_out(landform.operation(destroy["id"]))
    assert (done.status, (done.error or {})["code"]) == ("interrupted", "resources_left")
    assert landform.stack(stack.id).status == "needs_attention"
    assert len(done.possibly_orphaned) == MACHINES


@pytest.mark.thorough
def test_the_reason_of_a_failure_stays_until_something_changes_the_stack(
    landform: Landform, rest: Rest, network: Stack
) -> None:
    landform.cloud.set_faults(quota=len(landform.cloud.list()) + 1)
    stack, operation = landform.create(
        "machine-group", "web", parameters={"network": network.name, "count": 3}
    )
    assert landform.carry_out(operation).status == "errored"
    reason = landform.stack(stack.id).status_reason
    assert reason is not None
    assert "quota" in reason.lower()
    check = rest.post(f"/stacks/{stack.id}/operations", {"type": "drift_check"}).get_json()[
        "operation"
    ]
    assert landform.carry_out(landform.operation(check["id"])).status == "planned_and_finished"
    assert landform.stack(stack.id).status_reason == reason
    incomplete = landform.stack(stack.id)
    assert incomplete.drift_status == "unknown", "failed, in sync and incomplete cannot all be true"
    assert "do not exist" in (incomplete.drift_reason or "")
    landform.cloud.set_faults(quota=None)
    again = ask(rest, stack.id, "apply")
    assert landform.carry_out(landform.operation(again["id"])).status == "applied"
    assert landform.stack(stack.id).status_reason is None


@pytest.mark.thorough
def test_an_interruption_that_left_nothing_holds_nobody_back_for_long(
    landform: Landform, rest: Rest
) -> None:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    kill_while_applying(landform, operation)
    wait_for_terraform_to_end(landform, operation)
    dead_runs.reap(landform.ctx)
    landform.cloud.set_faults(create_delay_seconds=0)
    search_orphans(landform.ctx)
    assert not landform.operation(operation.id).holds_back
    applied = rest.post(f"/stacks/{stack.id}/operations", {"type": "apply"})
    assert (
        landform.carry_out(landform.operation(applied.get_json()["operation"]["id"])).status
        == "applied"
    )


def _damaged(landform: Landform, operation: Operation, damage: Callable[[Path], None]) -> Operation:
    """Damage the run directory once all machines are being created, and return the end."""
    landform.cloud.set_faults(create_delay_seconds=3)
    with worker(landform, operation) as process:
        wait_until(lambda: len(machines(landform)) == MACHINES, "all machines")
        damage(landform.ctx.runs.of(operation.id).path)
        assert process.wait(PATIENCE_SECONDS) == 0
    landform.cloud.set_faults(create_delay_seconds=0)
    return landform.operation(operation.id)


def _starts(landform: Landform, operation: Operation) -> int:
    return sum("Creating..." in message for message in landform.messages(operation))
