"""A plan that waits for approval is applied by any host, or made again with a plain reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.domain.operations import AutoApply, OperationStatus
from app.models import Operation, Stack
from app.services.context import build_context
from app.services.engine import carried_plans
from app.services.engine.carried_plans import drop_ended
from app.services.engine.engine import Engine
from app.services.operations import control
from app.services.work import perform
from app.storage.packed_run import PackedRun
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE, Landform
from tests.postgresql import Server
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.services.engine.test_recovery import recorded_ids
from tests.services.engine.two_hosts import settings_of_other_host

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def landform(
    make_prepared_settings: MakeSettings, sandbox_service: Service, postgresql_server: Server
) -> Iterator[Landform]:
    """The host that plans."""
    name = postgresql_server.create_database()
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        sandbox_port=sandbox_service.port,
        database_url=postgresql_server.url(name),
    )
    install(settings.sandbox_mirror)
    token = sandbox_service.make_account(numbered_account())
    made = Landform(settings, Cloud(sandbox_service.endpoint, token))
    yield made
    made.close()
    postgresql_server.drop_database(name)


@pytest.fixture
def other(landform: Landform) -> Iterator[Engine]:
    """The engine of another host, with nothing of the first one's machine."""
    ctx = build_context(settings_of_other_host(landform))
    yield Engine(ctx)
    ctx.db.close()


@pytest.fixture
def planned(landform: Landform) -> tuple[Stack, Operation]:
    """A plan that the first host has made and that waits."""
    stack, operation = landform.create(
        "network", "web", parameters={"zones": 2}, auto_apply=AutoApply.NEVER
    )
    assert landform.carry_out(operation).status == "planned"
    return stack, operation


def approve(landform: Landform, operation: Operation) -> None:
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)


def is_carried(landform: Landform, operation: Operation) -> bool:
    store = landform.ctx.plan_store(operation.stack_id)
    return store.read(operation.stack_id, operation.id) is not None


def test_another_host_applies_the_plan_that_was_approved(
    landform: Landform, other: Engine, planned: tuple[Stack, Operation]
) -> None:
    stack, operation = planned
    approve(landform, operation)
    assert other.carry_out(operation.id)
    done = landform.operation(operation.id)
    assert done.status == "applied", done.error
    assert landform.stack(stack.id).status == "ready"
    assert {item["id"] for item in landform.cloud.list()} == recorded_ids(landform, stack)
    assert any("made on another host" in text for text in landform.messages(operation))
    assert not is_carried(landform, operation), "nobody needs it any more"


def made_again(landform: Landform, other: Engine, operation: Operation) -> str:
    """Have the other host find that it cannot apply the plan, make it anew and apply that."""
    approve(landform, operation)
    assert not other.carry_out(operation.id)
    again = landform.operation(operation.id)
    assert (again.status, again.has_applied, again.approved_at) == ("pending", False, None)
    reason = next(text for text in landform.messages(operation) if "cannot be applied" in text)
    assert other.carry_out(operation.id)
    assert landform.operation(operation.id).status == "planned", "the new plan is approved anew"
    return reason


@pytest.mark.thorough
def test_a_plan_whose_copy_is_lost_is_made_again_and_not_interrupted(
    landform: Landform, other: Engine, planned: tuple[Stack, Operation]
) -> None:
    stack, operation = planned
    carried_plans.drop(landform.ctx, stack.id, operation.id)
    assert "no copy of it was kept" in made_again(landform, other, operation)
    approve(landform, operation)
    assert other.carry_out(operation.id)
    assert landform.operation(operation.id).status == "applied"


@pytest.mark.thorough
def test_a_host_does_not_apply_its_own_plan_that_was_replaced_elsewhere(
    landform: Landform, other: Engine, planned: tuple[Stack, Operation]
) -> None:
    stack, operation = planned
    carried_plans.drop(landform.ctx, stack.id, operation.id)
    made_again(landform, other, operation)
    assert landform.ctx.runs.of(operation.id).attempt == 1, "the first host still has its plan"
    approve(landform, operation)
    assert landform.carry_out(operation).status == "applied"
    assert any("made on another host" in text for text in landform.messages(operation))


@pytest.mark.thorough
def test_a_plan_of_another_terraform_or_other_providers_is_made_again(
    landform: Landform,
    other: Engine,
    planned: tuple[Stack, Operation],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, operation = planned
    with monkeypatch.context() as patched:
        patched.setattr(PackedRun, "lock", b"of other versions")
        reason = made_again(landform, other, operation)
    assert "other versions of the providers" in reason
    _, second = landform.create(
        "network", "old", parameters={"zones": 1}, auto_apply=AutoApply.NEVER
    )
    with monkeypatch.context() as patched:
        patched.setattr("app.services.engine.steps.decide.describe", lambda _: "terraform 0.0.1")
        assert landform.carry_out(second).status == "planned"
    reason = made_again(landform, other, second)
    assert "It was made with terraform 0.0.1; this host has" in reason


@pytest.mark.thorough
def test_a_copy_that_was_tampered_with_is_not_applied(
    landform: Landform, other: Engine, planned: tuple[Stack, Operation]
) -> None:
    stack, operation = planned
    store = landform.ctx.plan_store(stack.id)
    sealed = store.read(stack.id, operation.id) or b""
    assert b"10.0." not in sealed
    store.keep(stack.id, operation.id, sealed[:-20] + bytes([sealed[-20] ^ 1]) + sealed[-19:])
    assert "does not open" in made_again(landform, other, operation)


def test_the_copy_of_a_discarded_plan_is_removed(
    landform: Landform, planned: tuple[Stack, Operation]
) -> None:
    _, operation = planned
    assert is_carried(landform, operation)
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, operation.id)
    assert landform.operation(operation.id).status == OperationStatus.DISCARDED
    drop_ended(landform.ctx)
    assert not is_carried(landform, operation)
