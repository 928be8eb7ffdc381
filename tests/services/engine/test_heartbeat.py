"""A lease is renewed in time, and whoever cannot renew it stops before others may take over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.clock import boot_seconds, utc_now
from app.domain.interruptions import LeaseLapsedError
from app.domain.operations import OperationType
from app.models import Stack
from app.services.context import Context
from app.services.engine.heartbeat import KILL_AFTER, RENEWALS, STOP_AFTER, Heartbeat
from app.storage.lease_files import LeaseFiles
from tests.services.engine.test_claims_and_leases import shown, stack, taken
from tests.services.some_stacks import ask, set_to

__all__ = ["stack"]

Type = OperationType


class Clock:
    """Stands for ``boot_seconds``."""

    def __init__(self) -> None:
        self.now = boot_seconds()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("app.services.engine.heartbeat.boot_seconds", made)
    return made


@pytest.fixture
def shared(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A context whose database other hosts may use."""
    monkeypatch.setattr(type(ctx.db), "is_shared", True)
    return ctx


def fail(*_: object, **__: object) -> None:
    raise OperationalError("update", {}, OSError("away"))


def test_a_lease_is_renewed_many_times_while_it_lasts(
    ctx: Context, stack: Stack, clock: Clock
) -> None:
    found = taken(ctx, ask(ctx, stack, Type.APPLY))
    beat, turn = Heartbeat(ctx, found), ctx.settings.lease_seconds / RENEWALS
    clock.now = found.taken_at
    long_ago = utc_now() - timedelta(hours=1)

    def is_renewed(seconds: float) -> bool:
        set_to(ctx, found.operation_id, lease_expires_at=long_ago, heartbeat_at=long_ago)
        clock.now += seconds
        beat.poll()
        row = shown(ctx, found.operation_id)
        assert row.lease_expires_at is not None
        assert row.heartbeat_at is not None
        left = row.lease_expires_at - row.heartbeat_at
        assert left in (timedelta(0), timedelta(seconds=ctx.settings.lease_seconds))
        return row.lease_expires_at > long_ago

    assert [is_renewed(turn - 0.5), is_renewed(0.51)] == [False, True]
    assert [is_renewed(turn - 0.5), is_renewed(0.51)] == [False, True]
    assert not beat.is_lost


@pytest.mark.parametrize("columns", [{"fence": 9}, {"status": "interrupted"}])
def test_a_heartbeat_notices_that_the_operation_is_another_s(
    ctx: Context, stack: Stack, clock: Clock, columns: dict[str, Any]
) -> None:
    found = taken(ctx, ask(ctx, stack, Type.APPLY))
    set_to(ctx, found.operation_id, **columns)
    before = shown(ctx, found.operation_id).lease_expires_at
    beat = Heartbeat(ctx, found)
    clock.now += ctx.settings.lease_seconds
    beat.poll()
    assert beat.is_lost
    assert shown(ctx, found.operation_id).lease_expires_at == before


def test_a_heartbeat_outlasts_a_database_that_is_away(
    shared: Context, stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = shared.settings.lease_seconds
    beat = Heartbeat(shared, taken(shared, ask(shared, stack, Type.APPLY)))
    with monkeypatch.context() as patch:
        patch.setattr(Session, "execute", fail)
        clock.now += lease * STOP_AFTER - 1
        beat.poll()
        beat.require_lease()
    clock.now += lease / RENEWALS
    beat.poll()
    beat.require_lease()
    assert not beat.is_lost


def test_a_lease_that_cannot_be_renewed_stops_terraform_before_it_is_over(
    shared: Context, stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = shared.settings.lease_seconds
    found = taken(shared, ask(shared, stack, Type.APPLY))
    beat, files = Heartbeat(shared, found), LeaseFiles(shared.settings.work_dir)
    beat.note_for_watchdog()
    assert [note.is_stopping for note in files.read_all()] == [False]
    with monkeypatch.context() as patch:
        patch.setattr(Session, "execute", fail)
        clock.now = found.taken_at + lease * STOP_AFTER
        beat.poll()
        with pytest.raises(LeaseLapsedError) as caught:
            beat.require_lease()
    assert caught.value.grace_seconds == pytest.approx(lease * (KILL_AFTER - STOP_AFTER), abs=0.1)
    assert [note.is_stopping for note in files.read_all()] == [True]
    beat.forget_note()
    assert files.read_all() == []


def test_on_sqlite_nobody_else_could_take_over_so_nothing_is_stopped(
    ctx: Context, stack: Stack, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if ctx.db.is_shared:
        pytest.skip("this run is on PostgreSQL")
    beat = Heartbeat(ctx, taken(ctx, ask(ctx, stack, Type.APPLY)))
    beat.note_for_watchdog()
    monkeypatch.setattr(Session, "execute", fail)
    clock.now += 10 * ctx.settings.lease_seconds
    beat.poll()
    beat.require_lease()
    assert LeaseFiles(ctx.settings.work_dir).read_all() == []
