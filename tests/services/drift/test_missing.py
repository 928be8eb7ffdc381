"""Outputs that tell of what a drift check found missing: named for as long as it is missing."""

from __future__ import annotations

from typing import Any

import pytest

from app.clock import utc_now
from app.models import Stack, StackOutput
from app.services.context import Context
from app.services.drift.missing import missing_outputs
from app.services.secrets import seal_json
from tests.drifting import change, check
from tests.services.some_stacks import create, make_ready

GONE, OTHER = "subnet-0a1b2c3d", "subnet-99999999"


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    values: dict[str, Any] = {
        "ids": [OTHER, GONE],
        "by_zone": {"a": {"id": GONE}},
        "other": [OTHER],
        "longer": f"{GONE}0",
        "none": None,
    }
    with ctx.write() as session:
        for row in session.get_one(Stack, made.id).outputs:
            session.delete(row)
        for name, value in values.items():
            session.add(
                StackOutput(
                    stack_id=made.id,
                    name=name,
                    value=value,
                    sealed_value=None,
                    is_sensitive=False,
                    updated_at=utc_now(),
                )
            )
        sealed = seal_json(ctx.keys, {"subnet": GONE}, f"output:{made.id}:secret")
        session.add(
            StackOutput(
                stack_id=made.id,
                name="secret",
                value=None,
                sealed_value=sealed,
                is_sensitive=True,
                updated_at=utc_now(),
            )
        )
    return made


def missing(ctx: Context, stack: Stack) -> set[str]:
    with ctx.read() as session:
        return {*missing_outputs(ctx.keys, session.get_one(Stack, stack.id))}


def deleted(resource_id: str | None) -> Any:
    return {**change("deleted"), "resource_id": resource_id}


def test_they_are_named_until_the_resource_is_there_again(ctx: Context, stack: Stack) -> None:
    assert missing(ctx, stack) == set()
    check(ctx, stack, deleted(GONE))
    assert missing(ctx, stack) == {"ids", "by_zone", "secret"}
    check(ctx, stack)
    assert missing(ctx, stack) == set()


def test_a_change_of_a_resource_and_one_without_an_id_hide_nothing(
    ctx: Context, stack: Stack
) -> None:
    check(ctx, stack, {**change(size=2), "resource_id": GONE}, deleted(None) | {"address": "c.d"})
    assert missing(ctx, stack) == set()


def test_what_one_stack_lacks_hides_nothing_of_another(ctx: Context, stack: Stack) -> None:
    other = create(ctx, "other")
    make_ready(ctx, other)
    check(ctx, other, deleted(GONE))
    assert missing(ctx, stack) == set()
