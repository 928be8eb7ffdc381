"""Stacks for tests of the use cases: asked for, or looking as after their first apply."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from app.models import Operation, Stack
from app.services import stacks
from app.services.context import Context
from app.services.stacks import NewStack
from tests.landform import ADMIN


def create(ctx: Context, name: str, kind: str = "network", **parameters: Any) -> Stack:
    """Ask for a stack on the sandbox."""
    wanted = NewStack(
        kind=kind, name=name, project="default", cloud_account="sandbox", parameters=parameters
    )
    with ctx.write() as session:
        return stacks.create_stack(ctx, session, ADMIN, wanted)[0]


def make_ready(ctx: Context, stack: Stack) -> None:
    """Have the stack look as after its first apply."""
    with ctx.write() as session:
        row = session.get_one(Stack, stack.id)
        row.status, row.applied_generation = "ready", row.generation
        for operation in session.scalars(select(Operation).where(Operation.stack_id == stack.id)):
            operation.status = "applied"
