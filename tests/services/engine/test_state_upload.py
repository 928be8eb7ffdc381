"""An existing network is adopted: its state uploaded, its plan shown, and only then applied."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from app.domain.operations import AutoApply, OperationType
from app.errors import ValidationError
from app.models import Operation, ResourceKey, Stack
from app.services.operations import control
from app.services.state import upload as state_uploads
from app.services.work import perform
from tests.landform import ADMIN, Landform

pytestmark = pytest.mark.thorough


def upload(landform: Landform, stack: Stack, data: bytes) -> Operation:
    examined = state_uploads.examine_upload(landform.ctx, ADMIN, stack.id, data)
    with perform(landform.ctx, ADMIN) as work:
        return state_uploads.upload_state(work, examined)[1]


def give_up(landform: Landform, stack: Stack) -> None:
    """Have what a stack has made be nobody's: neither its tag nor what Landform holds names it.

    So it is as if it was made by another installation whose state comes here.
    """
    with landform.ctx.write() as session:
        session.execute(delete(ResourceKey).where(ResourceKey.stack_id == stack.id))
    for item in landform.cloud.list(tag=f"landform:stack={stack.id}"):
        tags = {key: value for key, value in item["tags"].items() if key != "landform:stack"}
        landform.cloud.call("PATCH", f"/resources/{item['id']}", json={"tags": tags})


def adopter(landform: Landform, name: str = "net-b") -> Stack:
    """Return a stack that has never been applied; its first plan was thrown away."""
    stack, first = landform.create(
        "network", name, parameters={"zones": 1}, auto_apply=AutoApply.NEVER
    )
    assert landform.carry_out(first).status == "planned"
    with perform(landform.ctx, ADMIN) as work:
        control.discard(work, first.id)
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
    with pytest.raises(ValidationError, match="another stack"):
        upload(landform, adopter(landform, "net-a"), elsewhere)
    give_up(landform, network)
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
    give_up(landform, network)
    data = state_of(landform, network)
    landform.ctx.state_store(stack.id).promote(
        stack.id, data
    )  # as a crash before the commit leaves it
    assert landform.state_versions(stack) == []
    operation = landform.carry_out(upload(landform, stack, data))
    assert operation.status == "planned_and_finished", operation.error
    assert [item.created_by for item in landform.state_versions(stack)] == ["admin"]
