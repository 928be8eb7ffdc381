"""A stack with three state versions."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import AuditEvent
from app.services.context import Context
from tests.api.states import state_bytes
from tests.console.fleet_examples import Fleet, Made

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def made(fleet: Fleet) -> Made:
    """A stack with three versions; the second brought a resource, the third changed one."""
    stack = fleet.stack("web")
    fleet.state(stack, state_bytes(1, {"a": "one"}))
    fleet.state(stack, state_bytes(2, {"a": "one", "b": SCRIPT}))
    fleet.state(stack, state_bytes(3, {"a": "two", "b": "x"}, sensitive={"b"}))
    return stack


@pytest.fixture
def path(made: Made) -> str:
    return f"/stacks/{made.stack_id}"


def acts(ctx: Context) -> list[str]:
    with ctx.read() as session:
        return list(session.scalars(select(AuditEvent.action)))
