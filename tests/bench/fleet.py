"""A fleet of any size in seconds: the services make one stack, the others are its copies."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, select, text

from app.domain import ids
from app.models import Base, Operation, Schedule, Stack
from app.services.context import NOTIFICATIONS, Context
from app.services.stacks.create import NewStack, create_stack
from app.services.work import Work
from tests.landform import ADMIN

CHUNK = 500


def fill(ctx: Context, count: int, prefix: str = "net") -> str:
    """Make ``count`` networks with an applied operation each; return the id of the first.

    They are as the services leave them, only that their operations have ended.
    """
    with ctx.db.write() as session:
        session.info[NOTIFICATIONS] = []  # nobody needs to be notified
        new = NewStack("network", f"{prefix}-0", "default", "sandbox")
        stack, operation = create_stack(Work(ctx, session, ADMIN), new)
        operation.status, operation.ended_at = "applied", operation.created_at
        stack.status, stack.applied_generation = "ready", stack.generation
        first = stack.id
    with ctx.db.read() as session:
        templates = [
            (table, dict(session.execute(select(table).where(column == first)).mappings().one()))
            for table, column in (
                (Stack.__table__, Stack.id),
                (Schedule.__table__, Schedule.stack_id),
                (Operation.__table__, Operation.stack_id),
            )
        ]
    for start in range(1, count, CHUNK):
        numbers = range(start, min(start + CHUNK, count))
        _copy(ctx, templates, [(ids.new_id(ids.STACK), f"{prefix}-{n}") for n in numbers])
    if ctx.db.is_shared:  # PostgreSQL does so by itself within a minute or two
        with ctx.db.write() as session:
            session.execute(text("ANALYZE"))
    return first


def _copy(
    ctx: Context, templates: list[tuple[Any, dict[str, Any]]], made: list[tuple[str, str]]
) -> None:
    with ctx.db.write() as session:
        for table, row in templates:
            rows = [_changed(table, row, stack_id, name) for stack_id, name in made]
            session.execute(insert(table), rows)


def _changed(table: Any, row: dict[str, Any], stack_id: str, name: str) -> dict[str, Any]:
    assert table in Base.metadata.sorted_tables
    if table is Stack.__table__:
        return {**row, "id": stack_id, "name": name}
    if table is Operation.__table__:
        return {**row, "id": ids.new_id(ids.OPERATION), "stack_id": stack_id}
    return {**row, "stack_id": stack_id}
