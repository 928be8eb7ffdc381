"""Whoever lost an operation writes nothing more, and what may override windows does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operation_errors import FenceLostError
from app.domain.operations import OperationStatus
from app.models import Operation, Stack
from app.services.context import Context
from app.services.engine.claims import Claim, still_held, write_beside, write_fenced
from app.services.projects.change_control import (
    ControlChange,
    Maintenance,
    change_control,
    must_wait,
)
from app.services.queue.dispatch import choose_next
from app.services.queue.waits import waiting_for
from app.services.work import perform
from tests.landform import ADMIN
from tests.services.some_stacks import create


@pytest.fixture
def stack(ctx: Context) -> Stack:
    return create(ctx, "web")


def first(ctx: Context, stack: Stack) -> str:
    with ctx.read() as session:
        found = session.query(Operation).filter(Operation.stack_id == stack.id).one()
        return found.id


def owned(ctx: Context, operation_id: str, fence: int, status: str = "planning") -> Claim:
    """Have the operation run under a fence, and return the claim of its owner."""
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id)
        operation.status, operation.fence = status, fence
    fields = dict.fromkeys(Claim.__dataclass_fields__)
    return Claim(**{**fields, "operation_id": operation_id, "fence": fence})


Touch = Callable[[Session], None]
Write = Callable[[Context, Claim, Touch], object]


def by_write_fenced(ctx: Context, claim: Claim, touch: Touch) -> None:
    write_fenced(ctx, claim, lambda session, _: touch(session))


WRITERS: list[Write] = [by_write_fenced, write_beside]


def writes(ctx: Context, claim: Claim, writer: Write) -> bool:
    """Tell whether a claim lets a writer write."""

    def touch(session: Session) -> None:
        session.get_one(Operation, claim.operation_id).approved_by = "a worker"

    with suppress(FenceLostError):
        writer(ctx, claim, touch)
    with ctx.write() as session:
        operation = session.get_one(Operation, claim.operation_id)
        by, operation.approved_by = operation.approved_by, None
    return by is not None


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("change", [-1, 0, 1, 2])
def test_only_the_fence_that_the_row_has_may_write(
    ctx: Context, stack: Stack, writer: Write, change: int
) -> None:
    claim = owned(ctx, first(ctx, stack), fence=5)
    assert writes(ctx, replace(claim, fence=5 + change), writer) is (change == 0)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_write_under_an_old_fence_changes_nothing(
    ctx: Context, stack: Stack, writer: Write
) -> None:
    claim = owned(ctx, first(ctx, stack), fence=5)
    owned(ctx, claim.operation_id, fence=6)
    with pytest.raises(FenceLostError):
        writer(ctx, claim, lambda _: None)
    assert not writes(ctx, claim, writer)
    with ctx.read() as session:
        assert still_held(session, [claim]) == []
        assert [held for held, _ in still_held(session, [replace(claim, fence=6)])] != []


@pytest.mark.parametrize("status", ["pending", "planned", "applied", "interrupted", "canceled"])
@pytest.mark.parametrize("writer", WRITERS)
def test_an_operation_that_nobody_owns_is_not_written_to(
    ctx: Context, stack: Stack, writer: Write, status: str
) -> None:
    claim = owned(ctx, first(ctx, stack), fence=5, status=status)
    assert not writes(ctx, claim, writer)


def approved(ctx: Context, operation_id: str, *, overrides: bool) -> Operation:
    with ctx.write() as session:
        operation = session.get_one(Operation, operation_id)
        operation.status = OperationStatus.PLANNED.value
        operation.generation = operation.stack.generation
        operation.approved_at, operation.approved_by = utc_now(), "ann"
        operation.overrides_windows = overrides
        return operation


@pytest.mark.parametrize("scope", [None, "default"])
def test_what_overrides_windows_goes_on_in_maintenance_and_nothing_else_does(
    ctx: Context, stack: Stack, scope: str | None
) -> None:
    with perform(ctx, ADMIN) as work:
        change_control(work, scope, ControlChange(maintenance=Maintenance("it moves")))
    operation_id = first(ctx, stack)
    for overrides in (False, True, False):
        approved(ctx, operation_id, overrides=overrides)
        with ctx.read() as session:
            operation = session.get_one(Operation, operation_id)
            closure, told = must_wait(session, operation), waiting_for(session, operation)
        chosen = choose_next(ctx)
        assert (closure is None) is overrides
        assert (chosen is not None) is overrides
        assert (told is not None and told["reason"] == "maintenance") is not overrides
