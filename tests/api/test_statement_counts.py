"""How many statements a request sends to the database: a bound that no busy machine moves.

What a request costs is mostly statements. Whoever adds one finds out here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from werkzeug.test import TestResponse

from tests.api.rest import Rest

STACKS = 20
MOST = {
    "a new stack": 17,
    "a new plan": 20,
    "a stack": 7,
    "a list of stacks": 8,
    "an operation": 11,
    "a list of operations": 11,
}
"""By what is asked, including the one that finds out who asks."""


@contextmanager
def counted(rest: Rest) -> Iterator[list[str]]:
    """Collect the statements that are sent until the end of the block."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(rest.ctx.db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(rest.ctx.db.engine, "before_cursor_execute", note)


def _requests(rest: Rest) -> dict[str, Callable[[], TestResponse]]:
    made = [rest.create("networks", f"net-{number}") for number in range(STACKS)]
    operation, stack = made[0]["operation"]["id"], rest.made("networks", "ready")["id"]
    new = {"name": "another", "cloud_account": "sandbox"}
    key = {"Idempotency-Key": "one"}
    plan = {"type": "plan"}
    return {
        "a new stack": lambda: rest.call("POST", "/networks", json=new, headers=key),
        "a new plan": lambda: rest.post(f"/stacks/{stack}/operations", plan, Idempotency_Key="2"),
        "a stack": lambda: rest.get(f"/networks/{stack}"),
        "a list of stacks": lambda: rest.get("/stacks", limit=50),
        "an operation": lambda: rest.get(f"/operations/{operation}"),
        "a list of operations": lambda: rest.get("/operations", limit=50),
    }


@pytest.mark.parametrize("what", MOST)
def test_a_request_sends_no_more_statements_than_it_needs(rest: Rest, what: str) -> None:
    ask = _requests(rest)[what]
    with counted(rest) as statements:
        answer = ask()
    assert answer.status_code in (200, 202), answer.text
    assert len(statements) <= MOST[what], "\n".join(statements)


def test_a_longer_list_sends_no_more_statements(rest: Rest) -> None:
    for number in range(STACKS):
        rest.create("networks", f"net-{number}")
    found = []
    for limit in (2, STACKS):
        with counted(rest) as statements:
            assert len((rest.get("/operations", limit=limit).json or {})["items"]) == limit
        found.append(len(statements))
    assert found[0] == found[1]
