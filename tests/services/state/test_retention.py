"""Old state versions go: never the newest ones, never recent ones, never one that is needed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from app.clock import utc_now
from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.models import AuditEvent, Operation, Stack, StateVersion
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.services.operations import control
from app.services.state import record
from app.services.state.retention import prune_states
from app.services.work import perform
from app.storage import s3_state_store
from app.storage.volume_errors import VolumeMissingError
from tests.conftest import MakeSettings
from tests.landform import ADMIN, NOWHERE
from tests.services.some_stacks import create, make_ready

OLD = timedelta(days=31)


@pytest.fixture
def ctx(make_prepared_settings: MakeSettings) -> Iterator[Context]:
    """A Landform that keeps three versions, and all of the last thirty days."""
    settings = make_prepared_settings(redis_url=NOWHERE, state_keep_versions=3)
    prepare(settings, "a token of no cloud")
    made = build_context(settings)
    yield made
    made.db.close()


@pytest.fixture
def stack(ctx: Context) -> Stack:
    made = create(ctx, "web")
    make_ready(ctx, made)
    return made


def save(ctx: Context, stack: Stack, *serials: int, age: timedelta = OLD) -> None:
    """Save states of these serials as long ago as ``age``."""
    for serial in serials:
        document = {"version": 4, "serial": serial, "lineage": "a", "resources": [], "outputs": {}}
        with ctx.write() as session:
            row = session.scalars(select(Operation).where(Operation.stack_id == stack.id)).first()
            assert row is not None
            data = json.dumps(document).encode()
            record.promote(session, ctx.state_store(stack.id), row, data)
            version = record.latest_version(session, stack.id)
            assert version is not None
            version.created_at = utc_now() - age
        if ctx.bucket is None:  # S3 says itself how old an object is
            then = time.time() - age.total_seconds()
            os.utime(file_of(ctx, stack, serial), (then, then))


def file_of(ctx: Context, stack: Stack, serial: int) -> Path:
    (path,) = (ctx.settings.state_dir / "stacks" / stack.id / "versions").glob(f"{serial}-*")
    return path


def in_sql(ctx: Context, stack: Stack) -> list[int]:
    with ctx.read() as session:
        query = select(StateVersion.serial).where(StateVersion.stack_id == stack.id)
        return list(session.scalars(query.order_by(StateVersion.serial)))


def on_volume(ctx: Context, stack: Stack) -> list[int]:
    return [name.serial for name in ctx.state_store(stack.id).versions(stack.id)]


def test_by_default_fifty_versions_and_thirty_days_are_kept(make_settings: MakeSettings) -> None:
    settings = make_settings()
    assert (settings.state_keep_versions, settings.state_keep_days) == (50, 30)


def test_old_versions_beyond_the_newest_go_from_sql_and_volume(ctx: Context, stack: Stack) -> None:
    save(ctx, stack, 1, 2, 5, 6, 9)
    assert prune_states(ctx) == 2
    assert in_sql(ctx, stack) == on_volume(ctx, stack) == [5, 6, 9]
    assert prune_states(ctx) == 0
    with ctx.read() as session:
        (act,) = session.scalars(
            select(AuditEvent).where(AuditEvent.action == "state_version.prune")
        )
    assert (act.actor, act.object_id) == ("system", stack.id)
    assert act.detail == {"count": 2, "first_serial": 1, "last_serial": 2}


def test_recent_versions_stay_however_many_there_are(ctx: Context, stack: Stack) -> None:
    save(ctx, stack, *range(1, 9), age=timedelta(days=29))
    assert prune_states(ctx) == 0
    assert in_sql(ctx, stack) == on_volume(ctx, stack) == [*range(1, 9)]


def test_few_versions_stay_however_old_they_are(ctx: Context, stack: Stack) -> None:
    save(ctx, stack, 1, 2, 3, age=timedelta(days=4000))
    assert prune_states(ctx) == 0
    assert in_sql(ctx, stack) == [1, 2, 3]


def test_each_stack_is_judged_by_itself(ctx: Context, stack: Stack) -> None:
    other = create(ctx, "other")
    make_ready(ctx, other)
    save(ctx, stack, 1, 2, 3, 4)
    save(ctx, other, 1, 2)
    assert prune_states(ctx) == 1
    assert (in_sql(ctx, stack), in_sql(ctx, other)) == ([2, 3, 4], [1, 2])


def test_a_round_removes_a_few_at_a_time_until_all_is_done(ctx: Context, stack: Stack) -> None:
    save(ctx, stack, *range(1, 9))
    assert [prune_states(ctx, at_once=2) for _ in range(4)] == [2, 2, 1, 0]
    assert in_sql(ctx, stack) == on_volume(ctx, stack) == [6, 7, 8]


def test_a_version_that_a_rollback_is_about_to_use_stays(ctx: Context, stack: Stack) -> None:
    save(ctx, stack, 1, 2, 3, 4, 5)
    with perform(ctx, ADMIN) as work:
        _, operation = control.request_operation(
            work, stack.id, OperationType.ROLLBACK, PlanOptions(serial=1)
        )
    prune_states(ctx)
    assert in_sql(ctx, stack) == on_volume(ctx, stack) == [1, 3, 4, 5]
    with perform(ctx, ADMIN) as work:
        control.cancel(work, operation.id)
    prune_states(ctx)
    assert in_sql(ctx, stack) == on_volume(ctx, stack) == [3, 4, 5]


def test_files_that_a_crash_left_behind_go_later(
    ctx: Context, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(ctx, stack, 1, 2, 3, 4, 5)
    if ctx.bucket is not None:
        later = SimpleNamespace(time=lambda: time.time() + OLD.total_seconds())
        monkeypatch.setattr(s3_state_store, "time", later)
    with ctx.write() as session:  # as after the commit, when nothing was removed yet
        for row in session.scalars(select(StateVersion).where(StateVersion.serial < 3)):
            session.delete(row)
    assert prune_states(ctx) == 2
    assert on_volume(ctx, stack) == [3, 4, 5]


def test_files_above_or_younger_than_what_sql_knows_are_left_alone(
    ctx: Context, stack: Stack
) -> None:
    save(ctx, stack, 1, age=timedelta(days=2))
    save(ctx, stack, 2, 3, 4, 5, 6)
    with ctx.write() as session:  # as after a restore of the database
        for row in session.scalars(select(StateVersion).where(StateVersion.serial.in_([1, 6]))):
            session.delete(row)
    prune_states(ctx)
    assert on_volume(ctx, stack) == [1, 3, 4, 5, 6]


@pytest.mark.usefixtures("state_on_volume")
def test_without_the_volume_sql_forgets_nothing(ctx: Context, stack: Stack) -> None:
    save(ctx, stack, 1, 2, 3, 4)
    ctx.settings.state_dir.rename(ctx.settings.state_dir.with_name("unmounted"))
    with pytest.raises(VolumeMissingError):
        prune_states(ctx)
    assert in_sql(ctx, stack) == [1, 2, 3, 4]
