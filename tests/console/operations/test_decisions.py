"""What a person decides about an operation, with what follows from it."""

from __future__ import annotations

import pytest

from app.clock import utc_now
from app.models import Operation
from app.services.context import Context
from app.services.projects.change_control import ControlChange, Maintenance, change_control
from app.services.stacks.locks import lock_stack
from app.services.work import perform
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet
from tests.sandbox_cloud import Cloud, connect

SCRIPT = "<script>alert(1)</script>"


def row_of(ctx: Context, operation_id: str) -> Operation:
    with ctx.read() as session:
        return session.get_one(Operation, operation_id)


def in_maintenance(fleet: Fleet) -> None:
    change = ControlChange(maintenance=Maintenance("moving house"))
    with perform(fleet.ctx, fleet.principal) as work:
        change_control(work, "default", change)


def interrupted(fleet: Fleet, *orphans: tuple[str | None, str | None], **columns: object) -> str:
    made = fleet.stack(status="needs_attention")
    found = [
        {"address": address, "id": id_, "type": "sandbox_network", "reason": "cut off"}
        for address, id_ in orphans
    ]
    fleet.change_operation(
        made.operation_id, status="interrupted", possibly_orphaned=found, **columns
    )
    return made.operation_id


def test_an_approval_says_what_is_lost_and_a_stale_plan_that_it_is_made_anew(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack()
    waiting = fleet.operation(made.stack_id, status="planned")
    fleet.plan(waiting, [], destroy=2, replace=1)
    page = visitor.text(f"/operations/{waiting}")
    assert "3 resources will be lost" in page
    assert "Approve and apply" in page
    fleet.change_stack(made.stack_id, generation=7)
    page = visitor.text(f"/operations/{waiting}")
    assert "Landform plans again" in page
    assert "Plan again" in page
    assert "Approve and apply" not in page


def test_what_a_window_holds_back_may_be_applied_by_an_admin_all_the_same(
    visitor: Visitor, outsider: Visitor, fleet: Fleet, ctx: Context
) -> None:
    in_maintenance(fleet)
    waiting = fleet.operation(fleet.stack().stack_id, status="planned")
    fleet.member("olga", "a long password", "operator")
    outsider.sign_in("olga", "a long password")
    path = f"/operations/{waiting}"
    assert "moving house" in outsider.text(path)
    assert "in spite of" not in outsider.text(path)
    assert outsider.post(f"{path}/approve", {"override": "on"}).status_code == 403
    assert outsider.post(f"{path}/approve").status_code == 303
    page = outsider.text(path)
    assert "Blocked by maintenance" in page
    assert "A user with the role Admin" in page
    assert "Apply now, overriding maintenance" in visitor.text(path)
    assert visitor.post(f"{path}/approve", {"override": "on"}).status_code == 303
    assert row_of(ctx, waiting).overrides_windows


def test_what_waits_says_for_whom_and_where_to_look(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    queued = fleet.operation(made.stack_id)
    assert "Waiting for a worker: number 1 in the queue." in visitor.text(f"/operations/{queued}")
    with perform(fleet.ctx, fleet.principal) as work:
        lock_stack(work, made.stack_id, f"by hand {SCRIPT}")
    page = visitor.text(f"/operations/{queued}")
    assert "The stack is locked." in page
    assert f"/stacks/{made.stack_id}/lock" in page
    assert SCRIPT not in page


def test_what_is_checked_is_adopted_with_what_was_typed(
    visitor: Visitor, fleet: Fleet, ctx: Context, cloud: Cloud
) -> None:
    connect(ctx, cloud)
    operation = interrupted(fleet, ("sandbox_network.this", "net-7"), (None, "sub-8"), (None, None))
    page = visitor.text(f"/operations/{operation}")
    assert page.count('name="take"') == 3
    assert page.count('name="take" value="0" checked') == 1
    assert 'value="1" checked' not in page
    answer = visitor.post(
        f"/operations/{operation}/resolve/adopt",
        {"named": "on", "take": "1", "address-1": " sandbox_subnet.a ", "id-1": "sub-8"},
    )
    assert answer.status_code == 303
    following = row_of(ctx, answer.location.rpartition("/")[2])
    assert following.options == {"imports": [{"to": "sandbox_subnet.a", "id": "sub-8"}]}
    assert following.requires_approval


def test_the_safe_way_out_comes_first_and_leaving_orphans_needs_a_reason(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    held = {"holds_back": True, "orphans_searched_at": utc_now()}
    operation = interrupted(fleet, ("sandbox_network.this", "net-7"), **held)
    page = visitor.text(f"/operations/{operation}")
    ways = [f"/resolve/{choice}" for choice in ("adopt", "retry", "destroy", "accept")]
    assert sorted(ways, key=page.index) == ways
    assert "nothing else can change the stack" in page
    path = f"/operations/{operation}/resolve/retry"
    refused = visitor.post(path, {"force": "on", "reason": " "})
    assert refused.status_code == 422
    assert "Say why the orphans may be left as they are." in refused.text
    assert visitor.post(path, {"force": "on", "reason": "It is gone."}).status_code == 303
    resolution = row_of(ctx, operation).resolution or {}
    assert (resolution["is_forced"], resolution["reason"]) == (True, "It is gone.")
    assert "It is gone." in visitor.text(f"/operations/{operation}")


def test_a_retry_that_would_leave_an_orphan_is_refused_on_the_page(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    held = {"holds_back": True, "orphans_searched_at": utc_now()}
    operation = interrupted(fleet, (None, "net-7"), **held)
    refused = visitor.post(f"/operations/{operation}/resolve/retry", {})
    assert refused.status_code == 409
    assert "cannot be imported" in refused.text
    assert row_of(ctx, operation).resolution is None


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "Choose at least one"),
        ({"take": "0", "address-0": "no address", "id-0": "x"}, "is not the address"),
        ({"take": "0", "address-0": "a.b", "id-0": SCRIPT}, "is not an id"),
        ({"take": "../..", "address-0": "a.b"}, "is not the address"),
    ],
)
def test_what_cannot_be_adopted_is_said_and_nothing_typed_is_lost(
    visitor: Visitor, fleet: Fleet, ctx: Context, form: dict[str, str], said: str
) -> None:
    operation = interrupted(fleet, ("sandbox_network.this", "net-7"))
    answer = visitor.post(f"/operations/{operation}/resolve/adopt", {"named": "on", **form})
    assert answer.status_code == 422
    assert said in answer.text
    assert SCRIPT not in answer.text
    if "address-0" in form:
        assert f'name="address-0" value="{form["address-0"]}"' in answer.text
    assert row_of(ctx, operation).resolution is None


def test_a_destroy_adopts_nothing_and_a_viewer_is_told_who_decides(
    visitor: Visitor, outsider: Visitor, fleet: Fleet
) -> None:
    operation = interrupted(fleet, ("sandbox_network.this", "net-7"), type="destroy")
    page = visitor.text(f"/operations/{operation}")
    assert "Plans to destroy the remaining resources." in page
    assert "resolve/adopt" not in page
    fleet.member("vera", "a long password", "viewer")
    outsider.sign_in("vera", "a long password")
    page = outsider.text(f"/operations/{operation}")
    assert "A user with the role Operator must decide" in page
    assert "resolve/retry" not in page


def test_a_failed_apply_is_asked_for_again_from_its_page(
    visitor: Visitor, outsider: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack(status="failed")
    error = {"code": "terraform_failed", "title": "Terraform reported an error"}
    error |= {"detail": "quota_exceeded", "advice": "Look."}
    fleet.change_operation(made.operation_id, status="errored", error=error)
    page = visitor.text(f"/operations/{made.operation_id}")
    assert "The cloud account has reached a quota or limit" in page
    assert "Apply again" in page
    fleet.member("vera", "a long password", "viewer")
    outsider.sign_in("vera", "a long password")
    assert "Apply again" not in outsider.text(f"/operations/{made.operation_id}")


def test_the_log_is_searched_as_a_whole(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    lines = [{"message": f"line {number}"} for number in range(900)]
    fleet.events(made.operation_id, [{"message": "100% Needle_"}, *lines])
    path = f"/operations/{made.operation_id}"
    assert "Needle_" not in visitor.text(path)
    found = visitor.text(f"{path}?find=needle_")
    assert "1 line with" in found
    assert "100% Needle_" in found
    assert "1 line with" in visitor.text(f"{path}?find=100%25")
    assert "0 lines with" in visitor.text(f"{path}?find=0_N")
    assert SCRIPT not in visitor.text(f"{path}?find={SCRIPT}")
