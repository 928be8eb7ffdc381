"""How many statements the overview sends: a bound that no busy machine moves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

STACKS, MOST = 12, 45


def test_the_overview_sends_no_more_statements_than_it_needs(
    ctx: Context, fleet: Fleet, visitor: Visitor
) -> None:
    for number in range(STACKS):
        made = fleet.stack(f"stack-{number}")
        fleet.change_stack(made.stack_id, status="failed")
    visitor.get("/")
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(ctx.db.engine, "before_cursor_execute", note)
    assert visitor.get("/").status_code == 200
    assert 0 < len(statements) <= MOST, "\n".join(statements)
