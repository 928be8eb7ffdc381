"""Behind every check of a request, the engine fetches no foreign provider and changes no foreign
resource: states are put into the store here as if the checks did not exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.operations import AutoApply, OperationStatus, OperationType
from app.domain.plan_options import Import, PlanOptions
from app.errors import CloudSearchError, ValidationError
from app.models import Stack
from app.services.engine import ownership_check, workspace
from app.services.operations import control
from app.services.queue.order import add_operation
from app.services.state import record, upload
from app.services.work import perform
from tests.landform import ADMIN, Landform
from tests.listening import Listener


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def waiting_bucket(landform: Landform, name: str) -> Stack:
    """Return a stack that was never applied; its first plan was thrown away."""
    stack, first = landform.create("bucket", name, auto_apply=AutoApply.NEVER)
    assert landform.carry_out(first).status == "planned"
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, first.id)
    with landform.ctx.write() as session:
        session.get_one(Stack, stack.id).auto_apply = AutoApply.ALWAYS.value
    return stack


def state_of(landform: Landform, stack: Stack) -> dict[str, Any]:
    version = landform.state_versions(stack)[-1]
    data = landform.ctx.state_store(stack.id).read(stack.id, version.serial, version.sha256)
    document: dict[str, Any] = json.loads(data)
    return document


def put_into_the_store(landform: Landform, stack: Stack, document: dict[str, Any]) -> None:
    """Make a state the one of record, as nobody may over the API."""
    with landform.ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        operation = add_operation(session, row, OperationType.PLAN, ADMIN)
        operation.status = OperationStatus.PLANNED_AND_FINISHED.value
        data = json.dumps(document).encode()
        record.promote(session, landform.ctx.state_store(stack.id), operation, data)


def evil_state(listener: Listener) -> dict[str, Any]:
    resource = {
        "mode": "managed",
        "type": "evil_thing",
        "name": "a",
        "provider": f'provider["{listener.provider}"]',
        "instances": [{"schema_version": 0, "attributes": {"id": "x"}}],
    }
    return {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 5,
        "lineage": "evil",
        "outputs": {},
        "resources": [resource],
    }


@pytest.mark.parametrize("kind", [OperationType.APPLY, OperationType.DRIFT_CHECK])
def test_terraform_is_not_started_for_a_state_with_a_foreign_provider(
    landform: Landform, listener: Listener, kind: OperationType
) -> None:
    stack = waiting_bucket(landform, "web")
    put_into_the_store(landform, stack, evil_state(listener))
    done = landform.perform(stack, kind)
    assert done.status == "errored"
    assert "does not declare" in (done.error or {})["detail"]
    assert "evil_thing.a" in (done.error or {})["detail"]
    assert listener.connections == 0


def test_init_fetches_nothing_also_when_nobody_has_looked_into_the_state(
    landform: Landform, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = waiting_bucket(landform, "web")
    put_into_the_store(landform, stack, evil_state(listener))
    monkeypatch.setattr(workspace, "check_known_providers", lambda *_: None)
    done = landform.perform(stack, OperationType.APPLY)
    assert (done.status, (done.error or {})["code"]) == ("errored", "terraform_failed")
    assert "was not" in (done.error or {})["detail"]
    assert listener.connections == 0
    assert landform.cloud.list() == []


@pytest.mark.parametrize(
    "kind",
    [
        OperationType.APPLY,
        OperationType.DESTROY,
        # A plan is refused at the same place, and would change nothing.
        pytest.param(OperationType.PLAN, marks=pytest.mark.thorough),
    ],
)
@pytest.mark.parametrize("is_hidden", [False, True])
def test_what_another_stack_has_tagged_is_neither_changed_nor_destroyed(
    landform: Landform, kind: OperationType, is_hidden: bool
) -> None:
    victim = landform.made("bucket", "theirs")
    stack = waiting_bucket(landform, "mine")
    document = state_of(landform, victim)
    instance = document["resources"][0]["instances"][0]
    instance["attributes"]["tags"] = {"landform:stack": stack.id}  # a lie
    if is_hidden:
        instance["sensitive_attributes"] = [[{"type": "get_attr", "value": "tags"}]]
    put_into_the_store(landform, stack, document)
    before = landform.cloud.get_only("bucket")
    done = landform.perform(stack, kind)
    assert (done.status, (done.error or {})["code"]) == ("errored", "foreign_resource")
    assert "sandbox_bucket.this" in (done.error or {})["detail"]
    assert landform.cloud.get_only("bucket") == before
    assert landform.stack(stack.id).status != "deleted"


def test_an_import_of_what_another_stack_has_is_not_applied(landform: Landform) -> None:
    landform.made("bucket", "theirs")
    before = landform.cloud.get_only("bucket")
    stack = waiting_bucket(landform, "mine")
    options = PlanOptions(imports=(Import("sandbox_bucket.this", before["id"]),))
    with landform.ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        operation = add_operation(session, row, OperationType.APPLY, ADMIN, options)
    done = landform.carry_out(operation)
    assert (done.status, (done.error or {})["code"]) == ("errored", "foreign_resource")
    assert landform.cloud.get_only("bucket") == before
    assert landform.state_versions(stack) == []


def test_a_rollback_to_a_state_with_a_foreign_resource_is_not_applied(landform: Landform) -> None:
    victim, stack = landform.made("bucket", "theirs"), waiting_bucket(landform, "mine")
    crafted = state_of(landform, victim)
    put_into_the_store(landform, stack, {**crafted, "serial": 5})
    put_into_the_store(landform, stack, {**crafted, "serial": 6, "resources": []})
    before = landform.cloud.get_only("bucket")
    with perform(landform.ctx, ADMIN) as work:
        _, operation = control.request_operation(
            work, stack.id, OperationType.ROLLBACK, PlanOptions(serial=5)
        )
    done = landform.carry_out(operation)
    assert (done.status, (done.error or {})["code"]) == ("errored", "foreign_resource")
    assert landform.cloud.get_only("bucket") == before
    assert landform.state_versions(stack)[-1].serial == 6


def test_the_states_that_the_engine_makes_pass_the_check_of_an_upload(landform: Landform) -> None:
    network = landform.made("network", "net", parameters={"zones": 2})
    stacks = [
        network,
        landform.made("bucket", "bucket"),
        landform.made("machine-group", "vms", parameters={"network": "net", "count": 2}),
        landform.made("cluster", "kube", parameters={"network": "net", "max_nodes": 2}),
        landform.made("database", "orders", parameters={"network": "net"}),
        landform.made("existing-network", "known", parameters=_existing(landform)),
    ]
    for stack in stacks:
        data = json.dumps(state_of(landform, stack)).encode()
        found = upload.examine_upload(landform.ctx, ADMIN, stack.id, data)
        assert found.state.resources, stack.kind
    data = json.dumps(state_of(landform, network)).encode()
    with pytest.raises(ValidationError):
        upload.examine_upload(landform.ctx, ADMIN, stacks[1].id, data)


def free_of_tags(landform: Landform, type_name: str) -> dict[str, Any]:
    """Take the tags off the only resource of a type in the cloud, and return it."""
    found = landform.cloud.get_only(type_name)
    landform.cloud.call("PATCH", f"/resources/{found['id']}", json={"tags": {}})
    return landform.cloud.get_only(type_name)


@pytest.mark.parametrize("kind", [OperationType.APPLY, OperationType.DESTROY])
def test_what_another_stack_holds_is_left_alone_when_its_tag_is_gone(
    landform: Landform, kind: OperationType
) -> None:
    victim = landform.made("bucket", "theirs")
    stack = waiting_bucket(landform, "mine")
    before = free_of_tags(landform, "bucket")
    put_into_the_store(landform, stack, state_of(landform, victim))
    done = landform.perform(stack, kind)
    assert (done.status, (done.error or {})["code"]) == ("errored", "foreign_resource")
    assert landform.cloud.get_only("bucket") == before


def test_a_state_that_names_what_is_made_later_keeps_nobody_from_it(landform: Landform) -> None:
    victim = landform.made("bucket", "theirs")
    squatter = waiting_bucket(landform, "mine")
    put_into_the_store(landform, squatter, state_of(landform, victim))
    assert landform.perform(victim, OperationType.APPLY).status == "planned_and_finished"
    assert landform.perform(victim, OperationType.DESTROY).status == "applied"
    assert landform.cloud.list() == []


@pytest.mark.parametrize("way", ["state", "tag"])
def test_an_approved_plan_is_not_applied_when_its_resource_is_anothers_meanwhile(
    landform: Landform, way: str
) -> None:
    stack, other = landform.made("bucket", "mine"), waiting_bucket(landform, "theirs")
    before = free_of_tags(landform, "bucket")
    with landform.ctx.write() as session:
        session.get_one(Stack, stack.id).auto_apply = AutoApply.NEVER.value
    waiting = landform.perform(stack, OperationType.DESTROY)
    assert waiting.status == "planned"
    if way == "state":
        put_into_the_store(landform, other, state_of(landform, stack))
    else:
        tags = {"landform:stack": other.id}
        landform.cloud.call("PATCH", f"/resources/{before['id']}", json={"tags": tags})
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, waiting.id)
    done = landform.carry_out(waiting)
    assert (done.status, (done.error or {})["code"]) == ("errored", "foreign_resource")
    assert landform.cloud.get_only("bucket")["id"] == before["id"]


def test_an_approved_plan_is_applied_while_the_cloud_says_nothing_more(
    landform: Landform, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = landform.made("bucket", "mine")
    with landform.ctx.write() as session:
        session.get_one(Stack, stack.id).auto_apply = AutoApply.NEVER.value
    waiting = landform.perform(stack, OperationType.DESTROY)
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, waiting.id)
    monkeypatch.setattr(ownership_check, "find_owners", silent)
    assert landform.carry_out(waiting).status == "applied"
    assert any("could not be asked once more" in text for text in landform.messages(waiting))


def silent(*_: Any) -> None:
    raise CloudSearchError("The cloud is silent.")


def _existing(landform: Landform) -> dict[str, Any]:
    network = landform.cloud.get_only("network")["id"]
    subnets = [item["id"] for item in landform.cloud.list(type="subnet")]
    return {"network_id": network, "subnet_ids": subnets}
