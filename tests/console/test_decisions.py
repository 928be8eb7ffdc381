"""What a person decides about an operation, with what follows from it, and what a failure means."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.clock import utc_now
from app.console.read_models.failure import cause_of
from app.models import Operation
from app.services.change_control import ControlChange, Maintenance, change_control
from app.services.context import Context
from app.services.stack_locks import lock_stack
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

SCRIPT = "<script>alert(1)</script>"


def row_of(ctx: Context, operation_id: str) -> Operation:
    with ctx.read() as session:
        return session.get_one(Operation, operation_id)


def in_maintenance(fleet: Fleet) -> None:
    change = ControlChange(maintenance=Maintenance("moving house"))
    with fleet.ctx.write() as session:
        change_control(session, fleet.principal, "default", change)


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
    assert "3 resources are lost" in page
    assert "Approve and apply" in page
    fleet.change_stack(made.stack_id, generation=7)
    page = visitor.text(f"/operations/{waiting}")
    assert "It is planned again" in page
    assert "Plan again" in page
    assert "Approve and apply" not in page


def test_what_a_window_holds_back_may_be_applied_by_an_admin_all_the_same(
    visitor: Visitor, stranger: Visitor, fleet: Fleet, ctx: Context
) -> None:
    in_maintenance(fleet)
    waiting = fleet.operation(fleet.stack().stack_id, status="planned")
    fleet.member("olga", "a long password", "operator")
    stranger.sign_in("olga", "a long password")
    path = f"/operations/{waiting}"
    assert "moving house" in stranger.text(path)
    assert "in spite of" not in stranger.text(path)
    assert stranger.post(f"{path}/approve", {"override": "on"}).status_code == 403
    assert stranger.post(f"{path}/approve").status_code == 303
    page = stranger.text(path)
    assert "Waits for the end of maintenance" in page
    assert "Somebody with the role admin" in page
    assert "Apply now, in spite of maintenance" in visitor.text(path)
    assert visitor.post(f"{path}/approve", {"override": "on"}).status_code == 303
    assert row_of(ctx, waiting).overrides_windows


def test_what_waits_says_for_whom_and_where_to_look(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    queued = fleet.operation(made.stack_id)
    assert "Waits for a worker: number 1 in the queue." in visitor.text(f"/operations/{queued}")
    with fleet.ctx.write() as session:
        lock_stack(session, fleet.principal, made.stack_id, f"by hand {SCRIPT}")
    page = visitor.text(f"/operations/{queued}")
    assert "The stack is locked." in page
    assert f"/stacks/{made.stack_id}/lock" in page
    assert SCRIPT not in page


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
    assert "0 of 3 resources are done" in question
    assert "sandbox_network.this" in question
    assert visitor.post(f"/operations/{running}/cancel").status_code == 303
    assert "nothing to cancel any more" in visitor.text(f"/operations/{running}/cancel")
    queued = fleet.operation(fleet.stack("two").stack_id)
    assert f'action="/operations/{queued}/cancel"' in visitor.text(f"/operations/{queued}")


def test_force_comes_after_the_grace_period_and_with_the_name(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    running = fleet.operation(fleet.stack("web").stack_id, status="applying", has_applied=True)
    path = f"/operations/{running}"
    assert "Force comes after a cancel" in visitor.text(f"{path}/force-cancel")
    visitor.post(f"{path}/cancel")
    assert "It can be forced from" in visitor.text(path)
    assert 'name="name"' not in visitor.text(f"{path}/force-cancel")
    assert visitor.post(f"{path}/force-cancel", {"name": "web"}).status_code == 409
    long_ago = utc_now() - timedelta(seconds=ctx.settings.cancel_grace_seconds + 1)
    fleet.change_operation(running, cancel_requested_at=long_ago)
    assert "Force it…" in visitor.text(path)
    for typed in ("", "WEB", SCRIPT):
        answer = visitor.post(f"{path}/force-cancel", {"name": typed})
        assert answer.status_code == 422
        assert SCRIPT not in answer.text
    assert row_of(ctx, running).force_requested_at is None
    assert visitor.post(f"{path}/force-cancel", {"name": "web"}).status_code == 303
    assert row_of(ctx, running).force_requested_at is not None
    assert "Terraform is being killed." in visitor.text(path)
    assert "It is being killed already." in visitor.text(f"{path}/force-cancel")


def test_what_is_checked_is_adopted_with_what_was_typed(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
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
    visitor: Visitor, stranger: Visitor, fleet: Fleet
) -> None:
    operation = interrupted(fleet, ("sandbox_network.this", "net-7"), type="destroy")
    page = visitor.text(f"/operations/{operation}")
    assert "Plans the destruction of what is left." in page
    assert "resolve/adopt" not in page
    fleet.member("vera", "a long password", "viewer")
    stranger.sign_in("vera", "a long password")
    page = stranger.text(f"/operations/{operation}")
    assert "Somebody with the role operator has to decide" in page
    assert "resolve/retry" not in page


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ("The account's quota in the sandbox cloud is used up", "is full"),
        ("VpcLimitExceeded: the maximum number of VPCs has been reached", "is full"),
        ("api error Throttling: Rate exceeded", "too often"),
        ("api error InvalidClientTokenId: the security token is bad", "credentials"),
        ("StatusCode: 403, api error UnauthorizedOperation: You are not authorized", "credentials"),
        ("AccessDenied: User may not", "do not allow"),
        ("BucketAlreadyExists: a bucket with that name already exists", "exists in the cloud"),
        ("dial tcp 127.0.0.1:9: connect: connection refused", "could not be reached"),
    ],
)
def test_a_usual_failure_is_put_in_plain_words(detail: str, said: str) -> None:
    cause = cause_of({"detail": "Terraform failed", "diagnostics": [{"summary": detail}]})
    assert cause is not None
    assert said in cause.text


def test_a_failure_that_is_not_known_is_shown_as_it_is() -> None:
    assert cause_of({"detail": "Something odd"}) is None
    assert cause_of({}) is None


def test_a_failed_apply_is_asked_for_again_from_its_page(
    visitor: Visitor, stranger: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack(status="failed")
    error = {"code": "terraform_failed", "title": "Terraform reported an error"}
    error |= {"detail": "quota_exceeded", "advice": "Look."}
    fleet.change_operation(made.operation_id, status="errored", error=error)
    page = visitor.text(f"/operations/{made.operation_id}")
    assert "The cloud account is full" in page
    assert "Apply again" in page
    fleet.member("vera", "a long password", "viewer")
    stranger.sign_in("vera", "a long password")
    assert "Apply again" not in stranger.text(f"/operations/{made.operation_id}")


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
