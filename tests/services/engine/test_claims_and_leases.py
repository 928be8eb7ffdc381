"""Who may take an operation, what a claim brings, and how long its lease holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.operation_errors import FenceLostError
from app.domain.operation_registry import facts_of
from app.domain.operations import OperationStatus, OperationType
from app.domain.plan_options import PlanOptions
from app.models import Operation, Stack
from app.services.access import SYSTEM_PRINCIPAL, Principal
from app.services.context import Context
from app.services.engine.claims import (
    Claim,
    claim,
    claim_checks,
    rehearse,
    still_held,
    write_beside,
    write_fenced,
)
from tests.landform import ADMIN
from tests.services.some_stacks import ask, create, lock, make_ready, set_to

PROCESS = {"pid": 7}
Type = OperationType


@pytest.fixture
def stack(ctx: Context) -> Stack:
    """A stack on which nothing is queued."""
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def shown(ctx: Context, operation_id: str) -> Operation:
    with ctx.read() as session:
        return session.get_one(Operation, operation_id)


def take(ctx: Context, operation_id: str) -> Claim | None:
    return claim(ctx, operation_id, "a worker", PROCESS)


def taken(ctx: Context, operation_id: str) -> Claim:
    found = take(ctx, operation_id)
    assert found is not None
    return found


def approve(ctx: Context, operation_id: str) -> None:
    """Have a plan wait that a person has approved."""
    set_to(ctx, operation_id, status="planned", approved_at=utc_now(), generation=1)


def test_a_claim_takes_the_next_fence_and_a_lease_and_says_who_has_it(
    ctx: Context, stack: Stack
) -> None:
    operation_id = ask(ctx, stack, Type.APPLY, options=PlanOptions(replace=("a.b",)))
    set_to(ctx, operation_id, fence=4)
    before = utc_now()
    found = taken(ctx, operation_id)
    assert found == Claim(
        operation_id=operation_id,
        stack_id=stack.id,
        facts=facts_of(Type.APPLY),
        fence=5,
        is_approved=False,
        is_preemptible=False,
        options=PlanOptions(replace=("a.b",)),
    )
    row = shown(ctx, operation_id)
    assert (row.status, row.fence, row.owner, row.owner_process) == (
        *("planning", 5, "a worker", PROCESS),
    )
    assert row.stack_status_before == "ready"
    assert row.heartbeat_at is not None
    assert row.heartbeat_at >= before
    assert row.lease_expires_at is not None
    lease = timedelta(seconds=ctx.settings.lease_seconds)
    assert row.lease_expires_at - row.heartbeat_at == lease


@pytest.mark.parametrize(
    ("kind", "by", "is_preemptible"),
    [
        (Type.DRIFT_CHECK, SYSTEM_PRINCIPAL, True),
        (Type.DRIFT_CHECK, ADMIN, False),
        (Type.APPLY, SYSTEM_PRINCIPAL, False),
    ],
)
def test_only_a_scheduled_check_is_preemptible(
    ctx: Context, stack: Stack, kind: OperationType, by: Principal, *, is_preemptible: bool
) -> None:
    assert taken(ctx, ask(ctx, stack, kind, by)).is_preemptible is is_preemptible


def test_what_does_not_exist_is_not_taken(ctx: Context) -> None:
    assert take(ctx, "op_none") is None


@pytest.mark.parametrize("status", [one for one in OperationStatus if one != "pending"])
def test_what_does_not_wait_is_not_taken(ctx: Context, stack: Stack, status: str) -> None:
    operation_id = ask(ctx, stack, Type.APPLY)
    set_to(ctx, operation_id, status=status)
    assert take(ctx, operation_id) is None
    assert shown(ctx, operation_id).fence == 0


def test_an_operation_is_taken_once_and_its_follower_after_its_end(
    ctx: Context, stack: Stack
) -> None:
    first, second = ask(ctx, stack, Type.APPLY), ask(ctx, stack, Type.APPLY)
    assert take(ctx, second) is None, "it is not first in line"
    taken(ctx, first)
    assert take(ctx, first) is None
    assert take(ctx, second) is None
    set_to(ctx, first, status="applied")
    assert taken(ctx, second).operation_id == second


def test_an_approved_plan_goes_on_to_apply(ctx: Context, stack: Stack) -> None:
    operation_id = ask(ctx, stack, Type.APPLY)
    approve(ctx, operation_id)
    found = taken(ctx, operation_id)
    assert found.is_approved
    row = shown(ctx, operation_id)
    assert (row.status, row.has_applied, row.stack.status) == ("applying", True, "updating")
    assert row.stack.version == stack.version + 1


def test_a_stack_whose_status_stays_keeps_its_version(ctx: Context, stack: Stack) -> None:
    operation_id = ask(ctx, stack, Type.APPLY)
    approve(ctx, operation_id)
    with ctx.write() as session:
        session.get_one(Stack, stack.id).status = "updating"
    taken(ctx, operation_id)
    assert shown(ctx, operation_id).stack.version == stack.version


def test_a_locked_stack_keeps_back_what_changes_it_approved_or_not(
    ctx: Context, stack: Stack
) -> None:
    lock(ctx, stack)
    change, look = ask(ctx, stack, Type.APPLY), ask(ctx, stack, Type.PLAN)
    assert take(ctx, change) is None
    assert taken(ctx, look).facts == facts_of(Type.PLAN)
    set_to(ctx, look, status="planned_and_finished")
    approve(ctx, change)
    assert take(ctx, change) is None


def checks(ctx: Context, *ids_: str) -> list[Claim]:
    return claim_checks(ctx, lambda _: ids_, "a worker", PROCESS)


def test_checks_are_taken_together_oldest_first_but_only_those_that_wait(ctx: Context) -> None:
    found = []
    for name in ("one", "two", "three"):
        made = create(ctx, name)
        make_ready(ctx, made)
        found.append(ask(ctx, made, Type.DRIFT_CHECK, SYSTEM_PRINCIPAL))
    first, second, third = found
    set_to(ctx, second, status="canceled")
    claims = checks(ctx, third, second, first)
    assert [item.operation_id for item in claims] == [first, third]
    assert all(item.is_preemptible and item.fence == 1 for item in claims)
    assert checks(ctx, *found) == []


def test_no_check_is_taken_when_work_on_its_stack_began_at_this_moment(
    ctx: Context, stack: Stack
) -> None:
    check = ask(ctx, stack, Type.DRIFT_CHECK, SYSTEM_PRINCIPAL)
    set_to(ctx, ask(ctx, stack, Type.APPLY), status="planning")
    assert checks(ctx, check) == []
    assert shown(ctx, check).fence == 0


def test_a_rehearsal_reads_where_there_is_something_and_changes_nothing(ctx: Context) -> None:
    assert rehearse(ctx) is False
    made = create(ctx, "web")
    assert rehearse(ctx) is True
    with ctx.read() as session:
        row = session.scalars(select(Operation).where(Operation.stack_id == made.id)).one()
        assert (row.status, row.fence) == ("pending", 0)


@pytest.mark.parametrize("status", ["planning", "canceling"])
@pytest.mark.parametrize("is_force", [False, True])
def test_whoever_writes_beside_learns_what_people_ask(
    ctx: Context, stack: Stack, status: str, *, is_force: bool
) -> None:
    found = taken(ctx, ask(ctx, stack, Type.APPLY))
    forced_at = utc_now() if is_force else None
    set_to(ctx, found.operation_id, status=status, force_requested_at=forced_at)
    asked = write_beside(ctx, found, lambda _: None)
    assert (asked.is_cancel, asked.is_force) == (status == "canceling", is_force)


def test_a_fenced_write_returns_what_its_work_returns(ctx: Context, stack: Stack) -> None:
    found = taken(ctx, ask(ctx, stack, Type.APPLY))
    assert write_fenced(ctx, found, lambda _, row: row.id) == found.operation_id
    nowhere = replace(found, operation_id="op_none")
    with pytest.raises(FenceLostError, match="op_none"):
        write_fenced(ctx, nowhere, lambda _, row: row.id)


def test_of_several_claims_those_are_held_whose_fence_is_the_present_one(ctx: Context) -> None:
    claims = []
    for name in ("one", "two", "three"):
        made = create(ctx, name)
        make_ready(ctx, made)
        claims.append(taken(ctx, ask(ctx, made, Type.APPLY)))
    set_to(ctx, claims[0].operation_id, fence=2)
    set_to(ctx, claims[1].operation_id, status="applied")
    with ctx.write() as session:
        held = still_held(session, claims)
        assert [(item, row.id) for item, row in held] == [(claims[2], claims[2].operation_id)]
