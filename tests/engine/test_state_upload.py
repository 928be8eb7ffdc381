"""An existing network is adopted: its state uploaded, its plan shown, and only then applied."""

from __future__ import annotations

import pytest

from app.domain.operations import AutoApply, OperationType
from app.models import Operation, Stack
from app.services import operations, state_uploads
from tests.landform import ADMIN, Landform

pytestmark = pytest.mark.thorough


def upload(landform: Landform, stack: Stack, data: bytes) -> Operation:
    with landform.ctx.write() as session:
        return state_uploads.upload_state(landform.ctx, session, ADMIN, stack.id, data)[1]


def adopter(landform: Landform) -> Stack:
    """Return a stack that has never been applied; its first plan was thrown away."""
    stack, first = landform.create(
        "network", "net-b", parameters={"zones": 1}, auto_apply=AutoApply.NEVER
    )
    assert landform.carry_out(first).status == "planned"
    with landform.ctx.write() as session:
        operations.discard(session, ADMIN, first.id)
    with landform.ctx.write() as session:
        session.get_one(Stack, stack.id).auto_apply = AutoApply.ALWAYS.value
    return stack


def state_of(landform: Landform, stack: Stack) -> bytes:
    version = landform.state_versions(stack)[-1]
    return landform.ctx.state_store(stack.id).read(stack.id, version.serial, version.sha256)


def test_an_uploaded_state_is_planned_and_never_applied_by_itself(
    landform: Landform, network: Stack
) -> None:
    elsewhere = state_of(landform, network)
    before = sorted(landform.cloud.list(), key=lambda item: str(item["id"]))
    stack = adopter(landform)
    plan = landform.carry_out(upload(landform, stack, elsewhere))
    assert (plan.type, plan.status) == ("plan", "planned_and_finished"), plan.error
    assert plan.plan_summary is not None
    assert plan.plan_summary["add"] == 0, "what exists is known, so nothing is made again"
    assert plan.plan_summary["change"] > 0, "the name and the tags of the new owner"
    assert sorted(landform.cloud.list(), key=lambda item: str(item["id"])) == before
    assert landform.pending(stack) == []
    done = landform.perform(stack, OperationType.APPLY)
    assert done.status == "applied", done.error
    assert {item["id"] for item in landform.cloud.list()} == {item["id"] for item in before}
    assert landform.stack(stack.id).status == "ready"


def test_an_upload_that_died_before_sql_heard_of_it_is_found_on_the_volume(
    landform: Landform, network: Stack
) -> None:
    stack = adopter(landform)
    data = state_of(landform, network)
    landform.ctx.state_store(stack.id).promote(
        stack.id, data
    )  # as a crash before the commit leaves it
    assert landform.state_versions(stack) == []
    operation = landform.carry_out(upload(landform, stack, data))
    assert operation.status == "planned_and_finished", operation.error
    assert [item.created_by for item in landform.state_versions(stack)] == ["admin"]
