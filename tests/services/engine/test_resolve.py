"""An interrupted apply is never repeated by itself: a person looks, decides, and it is audited."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.interruptions import OrphansUnresolvedError, Resolution
from app.domain.operations import OperationType
from app.domain.plan_options import Import, PlanOptions
from app.errors import OperationStateError, ValidationError
from app.models import AuditEvent, Operation, Stack
from app.services.engine.recovery.orphan_search import SETTLE, search_orphans
from app.services.operations import control, queries
from app.services.operations.resolve import Decision, resolve
from app.services.queue.order import add_operation
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.plan_counts import counts
from tests.services.engine.test_recovery import recorded_ids, wait_until, worker


def interrupt(landform: Landform, meanwhile: StackChange | None = None) -> Operation:
    """Kill Terraform while it creates three subnets; what is changed ``meanwhile`` is queued."""
    landform.cloud.set_faults(create_delay_seconds=2)
    _, operation = landform.create("network", "web", parameters={"zones": 3})
    with worker(landform, operation) as process:
        wait_until(lambda: len(landform.cloud.list(type="subnet")) == 3, "all subnets")
        if meanwhile is not None:
            with perform(landform.ctx, ADMIN) as work:
                change_stack(work, operation.stack_id, meanwhile)
        recorded = landform.operation(operation.id).process
        assert recorded is not None
        os.kill(recorded["pid"], signal.SIGKILL)
        assert process.wait(40) == 0
    landform.cloud.set_faults(create_delay_seconds=0)
    pending = landform.pending(landform.stack(operation.stack_id))
    for check in pending[meanwhile is not None :]:
        landform.carry_out(check)
    return landform.operation(operation.id)


@pytest.fixture
def interrupted(landform: Landform) -> Operation:
    """An apply whose Terraform was killed while three subnets were being created."""
    return interrupt(landform)


def decide(
    landform: Landform, operation: Operation, what: Resolution, **more: Any
) -> Operation | None:
    with perform(landform.ctx, ADMIN) as work:
        return resolve(work, operation.id, Decision(what, **more))[1]


@pytest.mark.thorough
def test_the_cloud_is_searched_and_the_true_orphans_get_their_ids(
    landform: Landform, interrupted: Operation
) -> None:
    search_orphans(landform.ctx)
    found = landform.operation(interrupted.id).possibly_orphaned
    exists = {item["id"]: item["attributes"]["zone"] for item in landform.cloud.list(type="subnet")}
    assert {item["id"] for item in found} == set(exists)
    for item in found:
        assert item["address"] == f'sandbox_subnet.this["{exists[item["id"]]}"]'


@pytest.mark.thorough
def test_an_orphan_that_the_search_does_not_show_yet_stays_named_for_a_while(
    landform: Landform, interrupted: Operation
) -> None:
    late = {"address": "sandbox_bucket.late", "type": "sandbox_bucket", "id": None, "reason": "x"}
    with landform.ctx.write() as session:
        row = session.get_one(Operation, interrupted.id)
        row.possibly_orphaned = [*row.possibly_orphaned, late]
    search_orphans(landform.ctx)
    found = landform.operation(interrupted.id)
    assert late in found.possibly_orphaned
    assert found.orphans_searched_at is None, "it is looked for again"
    assert len([item for item in found.possibly_orphaned if item["id"]]) == 3
    with landform.ctx.write() as session:
        row = session.get_one(Operation, interrupted.id)
        row.ended_at = utc_now() - SETTLE
    search_orphans(landform.ctx)
    settled = landform.operation(interrupted.id)
    assert settled.orphans_searched_at is not None
    assert {item["id"] for item in settled.possibly_orphaned} == {
        item["id"] for item in landform.cloud.list(type="subnet")
    }


@pytest.mark.thorough
def test_what_a_running_apply_is_making_is_not_taken_for_an_orphan(
    landform: Landform, interrupted: Operation
) -> None:
    following = decide(landform, interrupted, Resolution.RETRY, is_forced=True, reason="a test")
    assert following is not None
    with landform.ctx.write() as session:
        row = session.get_one(Operation, following.id)
        row.status, row.has_applied = "applying", True
    before = landform.operation(interrupted.id).possibly_orphaned
    search_orphans(landform.ctx)
    found = landform.operation(interrupted.id)
    assert (found.possibly_orphaned, found.orphans_searched_at) == (before, None)


def test_adopting_takes_the_orphans_into_the_state_after_a_plan_was_seen(
    landform: Landform, interrupted: Operation
) -> None:
    search_orphans(landform.ctx)
    before = {item["id"] for item in landform.cloud.list()}
    adoption = decide(landform, interrupted, Resolution.ADOPT)
    assert adoption is not None
    planned = landform.carry_out(adoption)
    assert planned.status == "planned", "a person sees the plan whatever the stack's rule says"
    with landform.ctx.read() as session:
        plan = queries.plan_of(landform.ctx, session, ADMIN, adoption.id)
    assert sum(bool(item["imported_id"]) for item in plan["changes"]) == 3
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, adoption.id)
    done = landform.carry_out(adoption)
    assert (done.status, done.error) == ("applied", None)
    stack = landform.stack(interrupted.stack_id)
    assert stack.status == "ready"
    assert recorded_ids(landform, stack) == before == {r["id"] for r in landform.cloud.list()}


@pytest.mark.thorough
def test_retrying_adopts_what_was_found_and_waits_for_approval(
    landform: Landform, interrupted: Operation
) -> None:
    with pytest.raises(OrphansUnresolvedError, match="still being searched"):
        decide(landform, interrupted, Resolution.RETRY)
    search_orphans(landform.ctx)
    following = decide(landform, interrupted, Resolution.RETRY)
    assert following is not None
    planned = landform.carry_out(following)
    assert planned.status == "planned"
    assert landform.stack(interrupted.stack_id).status == "needs_attention"
    with landform.ctx.read() as session:
        plan = queries.plan_of(landform.ctx, session, ADMIN, following.id)
    assert sum(bool(item["imported_id"]) for item in plan["changes"]) == 3


@pytest.mark.thorough
def test_a_retry_deletes_orphans_that_a_stack_made_smaller_has_no_place_for(
    landform: Landform,
) -> None:
    interrupted = interrupt(landform, StackChange(parameters={"zones": 1}))
    stack = landform.stack(interrupted.stack_id)
    search_orphans(landform.ctx)
    following = decide(landform, interrupted, Resolution.RETRY)
    assert following is not None
    planned = landform.carry_out(following)
    assert planned.status == "planned", planned.error
    summary = planned.plan_summary or {}
    assert (summary["import"], summary["destroy"]) == (1, 2)
    assert any("no place for 2 orphans" in text for text in landform.messages(planned))
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, planned.id)
    done = landform.carry_out(planned)
    assert done.status == "applied", done.error
    assert len(landform.cloud.list(type="subnet")) == 1
    assert recorded_ids(landform, stack) == {item["id"] for item in landform.cloud.list()}


@pytest.mark.thorough
def test_a_retry_deletes_nothing_that_the_state_has_already(
    landform: Landform, network: Stack
) -> None:
    """What is recorded by now is wanted, beside an orphan that the stack has no place for."""
    subnet = landform.cloud.list(type="subnet")[0]
    attributes = {name: subnet["attributes"][name] for name in ("network_id", "zone")}
    place = {**attributes, "name": "left", "cidr": "10.0.200.0/24"}
    orphan = landform.cloud.add("subnet", subnet["tags"], **place)
    address = f'sandbox_subnet.this["{attributes["zone"]}"]'
    imports = (Import(address, subnet["id"]), Import('sandbox_subnet.this["nowhere"]', orphan))
    options = PlanOptions(imports=imports, takes_unplaced=True)
    with perform(landform.ctx, ADMIN) as work:
        stack = work.session.get_one(Stack, network.id)
        operation = add_operation(
            work.session, stack, OperationType.APPLY, ADMIN, options, requires_approval=True
        )
    planned = landform.carry_out(operation)
    assert planned.status == "planned", planned.error
    assert (planned.plan_summary or {})["destroy"] == 1
    assert any("no place for 1 orphan" in text for text in landform.messages(planned))


@pytest.mark.thorough
def test_what_a_person_adopts_must_have_a_place_in_the_stack(landform: Landform) -> None:
    interrupted = interrupt(landform, StackChange(parameters={"zones": 1}))
    search_orphans(landform.ctx)
    following = decide(landform, interrupted, Resolution.ADOPT)
    assert following is not None
    failed = landform.carry_out(following)
    assert failed.status == "errored"
    assert "import" in str(failed.error)
    assert landform.operation(interrupted.id).resolution is None, "a person may decide anew"
    assert len(landform.cloud.list(type="subnet")) == 3


@pytest.mark.thorough
def test_accepting_keeps_the_state_as_it_was_saved(
    landform: Landform, interrupted: Operation
) -> None:
    versions = len(landform.state_versions(landform.stack(interrupted.stack_id)))
    assert decide(landform, interrupted, Resolution.ACCEPT) is None
    stack = landform.stack(interrupted.stack_id)
    assert stack.status == "failed", "it was never applied as a whole"
    assert len(landform.state_versions(stack)) == versions


@pytest.mark.thorough
def test_a_decision_is_made_once_and_audited(landform: Landform, interrupted: Operation) -> None:
    decide(landform, interrupted, Resolution.ACCEPT)
    with pytest.raises(OperationStateError, match="accept"):
        decide(landform, interrupted, Resolution.RETRY)
    with landform.ctx.read() as session:
        query = select(AuditEvent).where(AuditEvent.action == "operation.resolve")
        (event,) = session.scalars(query)
    assert (event.actor, event.detail["resolution"]) == ("admin", "accept")


@pytest.mark.thorough
def test_there_must_be_something_to_adopt(landform: Landform, interrupted: Operation) -> None:
    with landform.ctx.write() as session:
        session.get_one(Operation, interrupted.id).possibly_orphaned = []
    with pytest.raises(ValidationError, match="orphan"):
        decide(landform, interrupted, Resolution.ADOPT)


@pytest.mark.thorough
def test_only_an_interrupted_operation_is_resolved(landform: Landform, network: Stack) -> None:
    done = landform.perform(network, OperationType.PLAN)
    with pytest.raises(OperationStateError, match="finished"):
        decide(landform, done, Resolution.RETRY)


@pytest.mark.thorough
def test_a_plan_gone_stale_is_made_again_instead_of_applied(
    landform: Landform, network: Stack
) -> None:
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 2})
        _, operation = change_stack(work, network.id, change)
        assert operation is not None
        operation.requires_approval = True
    assert landform.carry_out(operation).plan_summary["add"] == 1  # type: ignore[index]
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 3})
        change_stack(work, network.id, change)
    with perform(landform.ctx, ADMIN) as work:
        assert control.approve(work, operation.id).status == "pending"
    again = landform.carry_out(operation)
    assert (again.status, again.plan_summary["add"]) == ("planned", 2)  # type: ignore[index]
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    assert landform.carry_out(operation).status == "applied"
    assert len(landform.cloud.list(type="subnet")) == 3


@pytest.mark.thorough
def test_an_operator_can_replace_one_resource(landform: Landform, network: Stack) -> None:
    before = landform.cloud.get_only("subnet")["id"]
    options = PlanOptions(replace=('sandbox_subnet.this["eu-west-a"]',))
    with perform(landform.ctx, ADMIN) as work:
        _, operation = control.request_operation(work, network.id, OperationType.APPLY, options)
    done = landform.carry_out(operation)
    assert done.plan_summary == counts(replace=1)
    assert landform.cloud.get_only("subnet")["id"] != before


def test_an_operator_can_plan_for_one_resource_alone(landform: Landform) -> None:
    stack, first = landform.create("network", "web", parameters={"zones": 3})
    with perform(landform.ctx, ADMIN) as work:
        control.cancel(work, first.id)
        options = PlanOptions(targets=("sandbox_network.this",))
        _, operation = control.request_operation(work, stack.id, OperationType.PLAN, options)
    done = landform.carry_out(operation)
    assert done.plan_summary == counts(add=1)


def test_a_destroy_takes_no_targets(landform: Landform, network: Stack) -> None:
    with pytest.raises(ValidationError), perform(landform.ctx, ADMIN) as work:
        control.request_operation(
            work, network.id, OperationType.DESTROY, PlanOptions(targets=("a.b",))
        )
