"""A stack and the report of its last check say the same of changes that are not applied."""

from __future__ import annotations

import pytest

from app.domain.operations import OperationStatus, OperationType
from app.models import Operation, Stack
from app.services.context import Context
from app.services.engine import ending
from app.services.queue.order import add_operation
from app.services.queue.status import move
from tests.drifting import check
from tests.landform import ADMIN
from tests.services.some_stacks import create, make_ready


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("is_seen", [False, True])
def test_both_say_the_same_whoever_knew_first(
    ctx: Context, stack: Stack, generation: int, is_seen: bool
) -> None:
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        row.applied_generation, row.generation = 1, generation
    report = check(ctx, stack, has_pending_changes=is_seen)
    with ctx.read() as session:
        shown = session.get_one(Stack, stack.id).has_pending_changes
    assert shown == report.has_pending_changes == (is_seen or generation > 1)


def test_an_apply_ends_what_a_check_saw(ctx: Context, stack: Stack) -> None:
    check(ctx, stack, has_pending_changes=True)
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        operation: Operation = add_operation(session, row, OperationType.APPLY, ADMIN)
        operation.generation = row.generation
        move(operation, OperationStatus.PLANNING)
        ending.end(session, operation, OperationStatus.PLANNED_AND_FINISHED)
        assert not row.has_pending_changes
