"""The life of a stack: created, changed, checked for drift, destroyed, with real Terraform."""

from __future__ import annotations

import json

import pytest

from app.domain.operations import OperationType
from app.domain.state_file import StateFile
from app.models import Stack
from app.services.stacks.change import StackChange, change_stack
from app.services.stacks.deletion import delete_stack
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.plan_counts import counts


def test_a_network_is_created_with_its_state_on_the_volume(landform: Landform) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 2})
    done = landform.carry_out(operation)
    assert (done.status, done.error) == ("applied", None)
    assert done.plan_summary == counts(add=3)
    ready = landform.stack(stack.id)
    assert ready.status == "ready"
    assert not ready.has_pending_changes
    outputs = {item.name: item.value for item in ready.outputs}
    assert outputs["network_id"] == landform.cloud.get_only("network")["id"]
    assert len(outputs["subnet_ids"]) == 2
    (version,) = landform.state_versions(stack)
    data = landform.ctx.state_store(stack.id).read(stack.id, version.serial, version.sha256)
    assert len(StateFile.parse(data).addresses()) == 3
    assert [step.name for step in done.steps] == [
        "prepare",
        "init",
        "plan",
        "check",
        "apply",
        "save",
    ]
    assert all(step.status == "done" and step.ended_at for step in done.steps)
    assert not landform.ctx.runs.of(operation.id).exists


def test_the_log_tells_the_story_without_the_talk_of_init(landform: Landform) -> None:
    _, operation = landform.create("bucket", "media")
    landform.carry_out(operation)
    story = landform.messages(operation)
    assert "Will create 1 resource." in story
    assert any(line.startswith("sandbox_bucket.this: Creation complete") for line in story)
    assert not [line for line in story if "lock file" in line or "Initializing" in line]


def test_every_resource_carries_the_tags_of_its_stack(landform: Landform) -> None:
    stack, operation = landform.create("network", "web", parameters={"zones": 1})
    landform.carry_out(operation)
    resources = landform.cloud.list(tag=f"landform:stack={stack.id}")
    assert len(resources) == 2
    assert {item["tags"]["landform:operation"] for item in resources} == {operation.id}
    assert {item["tags"]["landform:project"] for item in resources} == {stack.project_id}


def test_a_second_apply_without_changes_does_nothing(landform: Landform, network: Stack) -> None:
    again = landform.perform(network, OperationType.APPLY)
    assert again.status == "planned_and_finished"
    assert again.plan_summary == counts()
    assert landform.stack(network.id).status == "ready"


def test_a_changed_parameter_is_pending_until_it_is_applied(
    landform: Landform, network: Stack
) -> None:
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"internet_access": False})
        _, operation = change_stack(work, network.id, change)
    assert operation is not None
    assert landform.stack(network.id).has_pending_changes
    done = landform.carry_out(operation)
    assert done.plan_summary == counts(change=2)
    assert not landform.stack(network.id).has_pending_changes
    assert landform.cloud.get_only("network")["attributes"]["internet_access"] is False


def test_a_machine_group_is_built_on_the_outputs_of_its_network(
    landform: Landform, network: Stack
) -> None:
    secret = 'echo "${hello}" && s3cr3t-canary'
    group = landform.made(
        "machine-group",
        "workers",
        parameters={"network": "net", "count": 2, "size": "medium", "user_data": secret},
    )
    assert group.parameters["network"] == network.id
    machines = landform.cloud.list(type="machine")
    assert len(machines) == 2
    network_id = landform.cloud.get_only("network")["id"]
    assert {item["attributes"]["network_id"] for item in machines} == {network_id}
    assert "user_data" not in group.parameters
    everything = landform.everything_in_sql()
    assert group.id in everything
    assert "s3cr3t-canary" not in everything


def test_a_plan_changes_nothing_and_is_kept_for_people(landform: Landform, network: Stack) -> None:
    with perform(landform.ctx, ADMIN) as work:
        change = StackChange(parameters={"zones": 2})
        _, queued = change_stack(work, network.id, change)
    assert queued is not None
    plan = landform.request(network, OperationType.PLAN)
    assert landform.carry_out(plan).status == "pending", "the apply is first in line"
    landform.carry_out(queued)
    assert landform.carry_out(plan).status == "planned_and_finished"


def test_a_destroyed_stack_leaves_nothing_but_its_history(
    landform: Landform, network: Stack
) -> None:
    with perform(landform.ctx, ADMIN) as work:
        _, operation = delete_stack(work, network.id)
    done = landform.carry_out(operation)
    assert done.status == "applied"
    gone = landform.stack(network.id)
    assert gone.status == "deleted"
    assert gone.deleted_at is not None
    assert landform.cloud.list() == []
    assert landform.create("network", "net")[0].id != network.id, "its name is free again"
    assert len(landform.state_versions(network)) == 2


@pytest.mark.usefixtures("state_on_volume")
def test_state_and_plan_are_never_plain_on_the_volume(landform: Landform, network: Stack) -> None:
    folder = landform.settings.state_dir / "stacks" / network.id
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not any(b"sandbox_network" in path.read_bytes() for path in files)
    assert json.loads((landform.settings.state_dir / ".landform-volume").read_text())
