"""Stacks for tests of the use cases: asked for, or looking as after their first apply."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from app.clock import utc_now
from app.domain.operations import OperationType
from app.models import Operation, Stack, StackLock
from app.services.access import Principal
from app.services.context import Context
from app.services.queue.order import add_operation
from app.services.stacks.create import NewStack, create_stack
from app.services.work import perform
from tests.landform import ADMIN


def create(ctx: Context, name: str, kind: str = "network", **parameters: Any) -> Stack:
    """Ask for a stack on the sandbox."""
    wanted = NewStack(
        kind=kind, name=name, project="default", cloud_account="sandbox", parameters=parameters
    )
    with perform(ctx, ADMIN) as work:
        return create_stack(work, wanted)[0]


def make_ready(ctx: Context, stack: Stack) -> None:
    """Have the stack look as after its first apply."""
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        row.status, row.applied_generation = "ready", row.generation
        for operation in session.scalars(select(Operation).where(Operation.stack_id == stack.id)):
            operation.status = "applied"


def ask(ctx: Context, stack: Stack, kind: OperationType, by: Principal = ADMIN, **more: Any) -> str:
    """Queue an operation on a stack, and return its id."""
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        return add_operation(session, row, kind, by, **more).id


def set_to(ctx: Context, operation_id: str, **columns: Any) -> None:
    """Have an operation look as a worker or a person would leave it."""
    with ctx.write() as session:
        session.execute(update(Operation).where(Operation.id == operation_id).values(**columns))


def lock(ctx: Context, stack: Stack) -> None:
    """Have a person lock a stack."""
    with ctx.write() as session:
        session.add(
            StackLock(
                stack_id=stack.id,
                holder_id=ADMIN.id,
                holder=ADMIN.name,
                reason="a test",
                since=utc_now(),
            )
        )
