"""Cancel an operation, and force it after the grace period."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from app.models import Operation
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

SCRIPT = "<script>alert(1)</script>"


def row_of(ctx: Context, operation_id: str) -> Operation:
    with ctx.read() as session:
        return session.get_one(Operation, operation_id)


def test_a_cancel_of_an_apply_is_asked_twice_and_one_of_a_plan_is_not(
    visitor: Visitor, fleet: Fleet
) -> None:
    running = fleet.operation(fleet.stack("web").stack_id, status="applying", has_applied=True)
    fleet.plan(running, [], add=3)
    start = {"address": "sandbox_network.this", "action": "create"}
    fleet.events(running, [{"message": "Creating", "type": "apply_start", "data": start}])
    page = visitor.text(f"/operations/{running}")
    assert f'href="/operations/{running}/cancel"' in page
    question = visitor.text(f"/operations/{running}/cancel")
    assert "0 of 3 resources are complete" in question
    assert "sandbox_network.this" in question
    assert visitor.post(f"/operations/{running}/cancel").status_code == 303
    assert "Nothing to cancel" in visitor.text(f"/operations/{running}/cancel")
    queued = fleet.operation(fleet.stack("two").stack_id)
    assert f'action="/operations/{queued}/cancel"' in visitor.text(f"/operations/{queued}")


def test_force_comes_after_the_grace_period_and_with_the_name(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    running = fleet.operation(fleet.stack("web").stack_id, status="applying", has_applied=True)
    path = f"/operations/{running}"
    assert "Force cancel is available after a normal cancel" in visitor.text(f"{path}/force-cancel")
    visitor.post(f"{path}/cancel")
    assert "You can force it" in visitor.text(path)
    assert 'name="name"' not in visitor.text(f"{path}/force-cancel")
    assert visitor.post(f"{path}/force-cancel", {"name": "web"}).status_code == 409
    long_ago = utc_now() - timedelta(seconds=ctx.settings.cancel_grace_seconds + 1)
    fleet.change_operation(running, cancel_requested_at=long_ago)
    assert "Force cancel…" in visitor.text(path)
    for typed in ("", "WEB", SCRIPT):
        answer = visitor.post(f"{path}/force-cancel", {"name": typed})
        assert answer.status_code == 422
        assert SCRIPT not in answer.text
    assert row_of(ctx, running).force_requested_at is None
    assert visitor.post(f"{path}/force-cancel", {"name": "web"}).status_code == 303
    assert row_of(ctx, running).force_requested_at is not None
    assert "Terraform is being killed." in visitor.text(path)
    assert "Terraform is already being killed." in visitor.text(f"{path}/force-cancel")
