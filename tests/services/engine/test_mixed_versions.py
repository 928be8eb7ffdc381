"""A host of the former version leaves to newer ones what it has no blueprint for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app.db import database_now
from app.models import Instance, Stack
from app.services.queue.dispatch import choose_next
from app.services.queue.makeable import SEEN_WITHIN, is_makeable
from app.version import VERSION
from tests.landform import Landform


@pytest.fixture
def newer(landform: Landform) -> str:
    """Another host, which runs another version and lives."""
    with landform.ctx.write() as session:
        now = database_now(session)
        row = Instance(
            id="ins_of_another_host",
            name="newer",
            boot_id="b",
            pid_namespace="1",
            version="9.0.0",
            roles=["worker"],
            started_at=now,
            heartbeat_at=now,
        )
        session.add(row)
    return row.id


def ask_for_newer_blueprint(landform: Landform) -> str:
    stack, operation = landform.create("bucket", "files")
    with landform.ctx.write() as session:
        session.get_one(Stack, stack.id).blueprint_version = "9.9.9"
    return operation.id


def test_what_only_a_newer_host_can_make_is_left_to_it(landform: Landform, newer: str) -> None:
    theirs = ask_for_newer_blueprint(landform)
    _, ours = landform.create("bucket", "media")
    chosen = choose_next(landform.ctx)
    assert chosen is not None
    assert chosen.id == ours.id
    landform.engine.work()
    assert choose_next(landform.ctx) is None
    assert landform.operation(theirs).status == "pending"


@pytest.mark.parametrize("how", ["ended", "gone", "silent", "same"])
def test_what_nobody_else_can_make_fails_and_says_why(
    landform: Landform, newer: str, how: str
) -> None:
    with landform.ctx.write() as session:
        row = session.get_one(Instance, newer)
        if how == "ended":
            row.ended_at = row.heartbeat_at
        elif how == "gone":
            row.gone_at = row.heartbeat_at
        elif how == "silent":
            row.heartbeat_at -= SEEN_WITHIN + timedelta(seconds=1)
        else:
            row.version = VERSION
    theirs = ask_for_newer_blueprint(landform)
    landform.engine.work()
    done = landform.operation(theirs)
    assert done.status == "errored"
    assert "9.9.9" in str(done.error)


def test_all_versions_of_a_kind_that_this_code_has_are_made(landform: Landform, newer: str) -> None:
    stack, _ = landform.create("network", "net")
    with landform.ctx.read() as session:
        condition = is_makeable(session, landform.ctx.catalog)
        assert session.scalars(select(Stack.id).where(condition)).all() == [stack.id]
