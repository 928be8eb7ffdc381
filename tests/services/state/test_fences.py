"""The numbers of writers only grow, also when SQL has forgotten some of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from app.domain.fences import NO_FENCE
from app.domain.operation_errors import FenceLostError
from app.models import Stack, StateFence
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.services.state.fences import next_fence, take_fence
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.moto_cloud import Moto
from tests.services.backup.conftest import state
from tests.services.some_stacks import create
from tests.state_bucket import StateBucket


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings, moto: Moto) -> Iterator[Context]:
    place = {"state_backend": "s3", **StateBucket(moto).settings}
    settings = make_prepared_settings(redis_url=NOWHERE, **place)
    prepare(settings, "a token of no cloud")
    made = build_context(settings)
    yield made
    made.db.close()


@pytest.fixture
def stack(ctx: Context) -> Stack:
    return create(ctx, "web")


def test_each_writer_has_a_higher_number_than_all_before(ctx: Context, stack: Stack) -> None:
    first, second = take_fence(ctx, stack.id), take_fence(ctx, stack.id)
    other = take_fence(ctx, create(ctx, "db").id)
    assert (first.number, second.number, other.number) == (1, 2, 1)
    assert first.writer != second.writer


def test_a_number_that_was_not_committed_is_given_again_to_another_writer(
    ctx: Context, stack: Stack
) -> None:
    with ctx.write() as session:
        lost = next_fence(session, stack.id)
        session.rollback()
    again = take_fence(ctx, stack.id)
    assert again.number == lost.number
    assert again.is_passed_by(lost), "the bucket tells the two apart"


def test_what_sql_has_forgotten_the_bucket_knows(ctx: Context, stack: Stack) -> None:
    for _ in range(3):
        fence = take_fence(ctx, stack.id)
    store = ctx.state_store(stack.id)
    store.fenced(fence).promote(stack.id, state(1))
    with ctx.write() as session:  # as a replica that lacked the last commits
        session.execute(delete(StateFence))
    with ctx.write() as session:
        stale = next_fence(session, stack.id)
    with pytest.raises(FenceLostError):
        store.fenced(stale).promote(stack.id, state(2))
    above = take_fence(ctx, stack.id)
    assert above.number == 4
    assert store.fenced(above).promote(stack.id, state(2)).serial == 2


def test_a_state_on_the_volume_needs_no_number(ctx: Context, stack: Stack) -> None:
    with ctx.write() as session:
        session.get_one(Stack, stack.id).state_backend = "volume"
    assert take_fence(ctx, stack.id) == NO_FENCE
    with ctx.read() as session:
        assert session.get(StateFence, stack.id) is None
