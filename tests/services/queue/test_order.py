"""In which order the operations of a stack run, what holds it, and when the next is notified."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import aliased

from app.clock import utc_now
from app.domain import ids
from app.domain.interruptions import OrphansUnresolvedError
from app.domain.operation_registry import facts_of
from app.domain.operations import FINAL, OWNED, OperationStatus, OperationType
from app.domain.plan_options import PlanOptions
from app.models import Operation, Stack
from app.services.access import SYSTEM_PRINCIPAL, Principal
from app.services.context import Context
from app.services.queue.order import (
    add_operation,
    goes_before,
    holder_of,
    lock_of,
    next_in_line,
    notify_freed,
    unfinished_destroy,
)
from tests.landform import ADMIN
from tests.services.some_stacks import ask, create, lock, make_ready, set_to

Type = OperationType


@pytest.fixture
def stack(ctx: Context) -> Stack:
    """A stack on which nothing is queued."""
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def first(ctx: Context, stack: Stack) -> str | None:
    with ctx.read() as session:
        found = next_in_line(session, stack.id)
        return None if found is None else found.id


def order(ctx: Context, stack: Stack) -> list[str]:
    """Return what runs one after another."""
    found: list[str] = []
    while (following := first(ctx, stack)) is not None:
        found.append(following)
        set_to(ctx, following, status="applied")
    return found


def shown(ctx: Context, operation_id: str) -> Operation:
    with ctx.read() as session:
        return session.get_one(Operation, operation_id)


def free(ctx: Context, stack: Stack) -> None:
    with ctx.write() as session:
        notify_freed(session, stack.id)


def test_operations_run_as_they_were_asked_for_and_scheduled_checks_last(
    ctx: Context, stack: Stack
) -> None:
    by_clock = ask(ctx, stack, Type.DRIFT_CHECK, SYSTEM_PRINCIPAL)
    later = ask(ctx, stack, Type.DRIFT_CHECK, SYSTEM_PRINCIPAL)
    apply_first = ask(ctx, stack, Type.APPLY)
    by_person = ask(ctx, stack, Type.DRIFT_CHECK)
    apply_again = ask(ctx, stack, Type.APPLY, SYSTEM_PRINCIPAL)
    assert order(ctx, stack) == [apply_first, by_person, apply_again, by_clock, later]


def test_a_clock_that_runs_behind_puts_nothing_in_front(
    ctx: Context, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(ctx, stack, Type.APPLY)
    behind = utc_now() - timedelta(minutes=5)
    monkeypatch.setattr("app.services.queue.order.database_now", lambda _session: behind)
    later = [ask(ctx, stack, Type.APPLY) for _ in range(5)]
    assert order(ctx, stack) == [first, *later]


def test_the_order_is_that_of_the_database_whatever_a_web_process_takes_for_now(
    ctx: Context, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not ctx.db.is_shared:
        pytest.skip("SQLite has the clock of the one machine that it serves")
    ahead = utc_now() + timedelta(minutes=5)
    monkeypatch.setattr("app.clock.utc_now", lambda: ahead)
    monkeypatch.setattr("app.db.utc_now", lambda: ahead)
    operation = shown(ctx, ask(ctx, stack, Type.APPLY))
    assert operation.created_at < ahead - timedelta(minutes=4)
    assert operation.id < ids.first_id(ids.OPERATION, ahead)


def test_the_dispatcher_has_the_same_order(ctx: Context, stack: Stack) -> None:
    in_order = [
        *(ask(ctx, stack, Type.APPLY), ask(ctx, stack, Type.DRIFT_CHECK)),
        *(ask(ctx, stack, Type.DRIFT_CHECK, SYSTEM_PRINCIPAL) for _ in range(2)),
    ]
    last_asked = ask(ctx, stack, Type.APPLY)
    in_order.insert(2, last_asked)
    one, other = aliased(Operation), aliased(Operation)
    with ctx.read() as session:
        query = select(one.id, other.id).where(
            goes_before(one, other), one.id.in_(in_order), other.id.in_(in_order)
        )
        assert set(session.execute(query).tuples()) == set(combinations(in_order, 2))


@pytest.mark.parametrize("status", OperationStatus)
def test_a_stack_is_held_by_what_is_active_and_by_state_that_is_not_saved(
    ctx: Context, stack: Stack, status: OperationStatus
) -> None:
    operation_id, waiting = ask(ctx, stack, Type.APPLY), ask(ctx, stack, Type.APPLY)
    set_to(ctx, operation_id, status=status)
    holds = status in OWNED or status == OperationStatus.PLANNED
    with ctx.read() as session:
        held = holder_of(session, stack.id)
        assert (None if held is None else held.id) == (operation_id if holds else None)
    follower = operation_id if status == OperationStatus.PENDING else waiting
    assert first(ctx, stack) == (None if holds else follower)
    set_to(ctx, operation_id, has_unsaved_state=True)
    with ctx.read() as session:
        held = holder_of(session, stack.id)
        assert held is not None
        assert held.id == operation_id
    assert first(ctx, stack) is None


@pytest.mark.parametrize("kind", OperationType)
def test_on_a_locked_stack_only_what_looks_goes_on(
    ctx: Context, stack: Stack, kind: OperationType
) -> None:
    operation_id = ask(ctx, stack, kind)
    assert first(ctx, stack) == operation_id
    lock(ctx, stack)
    assert first(ctx, stack) == (None if facts_of(kind).may_mutate else operation_id)


def test_a_lock_is_that_of_its_own_stack(ctx: Context, stack: Stack) -> None:
    other = create(ctx, "other")
    lock(ctx, other)
    with ctx.read() as session:
        assert lock_of(session, stack.id) is None
        found = lock_of(session, other.id)
        assert found is not None
        assert found.stack_id == other.id


@pytest.fixture
def interruption(ctx: Context, stack: Stack) -> str:
    """An interrupted operation that nobody has resolved."""
    operation_id = ask(ctx, stack, Type.APPLY)
    set_to(ctx, operation_id, status="interrupted", holds_back=True)
    return operation_id


@pytest.mark.parametrize("kind", OperationType)
def test_an_unresolved_interruption_refuses_what_could_change_the_stack(
    ctx: Context, stack: Stack, interruption: str, kind: OperationType
) -> None:
    if facts_of(kind).may_mutate:
        with pytest.raises(OrphansUnresolvedError):
            ask(ctx, stack, kind)
    else:
        operation_id = ask(ctx, stack, kind)
        assert first(ctx, stack) == operation_id


def test_only_the_decision_about_an_interruption_passes_it(
    ctx: Context, stack: Stack, interruption: str
) -> None:
    with ctx.write() as session:
        row, resolved = session.get_one(Stack, stack.id), session.get_one(Operation, interruption)
        decision = add_operation(session, row, Type.APPLY, ADMIN, resolves=resolved).id
    assert shown(ctx, decision).resolves_id == interruption
    assert first(ctx, stack) == decision
    set_to(ctx, decision, resolves_id="op_of_another_time")
    assert first(ctx, stack) is None


@pytest.mark.parametrize("is_notified", [False, True])
def test_a_new_operation_is_as_it_was_asked_for(
    ctx: Context, stack: Stack, *, is_notified: bool
) -> None:
    caller = Principal(id="usr_1", name="ann", is_admin=True, request_id="req_1")
    options, before = PlanOptions(replace=("a.b",)), utc_now()
    more: dict[str, Any] = {"options": options, "is_notified": is_notified}
    row = shown(ctx, ask(ctx, stack, Type.APPLY, caller, **more, requires_approval=True))
    assert (row.type, row.status, row.stack_id) == ("apply", "pending", stack.id)
    assert (row.requested_by, row.request_id) == ("ann", "req_1")
    assert PlanOptions.from_dict(row.options) == options
    assert row.created_at >= before
    assert [item["status"] for item in row.transitions] == ["pending"]
    assert (row.fence, row.attempt) == (0, 1 if is_notified else 0)
    assert row.requires_approval
    facts = (row.has_applied, row.overrides_windows, row.has_unsaved_state, row.holds_back)
    assert not any(facts)
    assert (row.steps, row.possibly_orphaned, row.resolves_id) == ([], [], None)


def test_without_choices_a_plan_is_of_the_whole_stack_and_needs_no_person(
    ctx: Context, stack: Stack
) -> None:
    row = shown(ctx, ask(ctx, stack, Type.APPLY))
    assert (row.options, row.requires_approval) == ({}, False)


def test_what_waits_behind_another_is_notified_when_that_ends_and_only_once(
    ctx: Context, stack: Stack
) -> None:
    running, waiting = ask(ctx, stack, Type.APPLY), ask(ctx, stack, Type.APPLY)
    assert [shown(ctx, one).attempt for one in (running, waiting)] == [1, 0]
    free(ctx, stack)
    assert [shown(ctx, one).attempt for one in (running, waiting)] == [1, 0]
    set_to(ctx, running, status="planning")
    free(ctx, stack)
    assert shown(ctx, waiting).attempt == 0, "the stack is held"
    set_to(ctx, running, status="applied")
    free(ctx, stack)
    free(ctx, stack)
    assert shown(ctx, waiting).attempt == 1


@pytest.mark.parametrize("status", OperationStatus)
@pytest.mark.parametrize("kind", [Type.DESTROY, Type.APPLY])
def test_an_unfinished_destroy_is_found_until_it_has_ended(
    ctx: Context, stack: Stack, kind: OperationType, status: OperationStatus
) -> None:
    operation_id = ask(ctx, stack, kind)
    ask(ctx, create(ctx, "other"), Type.DESTROY)
    set_to(ctx, operation_id, status=status)
    with ctx.read() as session:
        found = unfinished_destroy(session, stack)
        is_found = kind is Type.DESTROY and status not in FINAL
        assert (found is not None and found.id == operation_id) is is_found
