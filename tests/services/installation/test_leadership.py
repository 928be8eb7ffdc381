"""One of several schedulers leads, and another follows when it dies, stops or is cut off."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.models import InstallationFact
from app.services.context import Context, build_context
from app.services.installation.instances import own_instance
from app.services.installation.leadership import LEADER, LEASE, Leadership, leading_instance
from app.services.installation.migrations import upgrade
from app.terraform.identity import ProcessIdentity
from tests.conftest import MakeSettings
from tests.postgresql import Server


def change(ctx: Context, **process: Any) -> None:
    """Make the leader that SQL names a process of elsewhere, or another one here."""
    with ctx.write() as session:
        row = session.get_one(InstallationFact, LEADER)
        row.value = row.value | {"process": row.value["process"] | process}


def age(ctx: Context, by: timedelta) -> None:
    with ctx.write() as session:
        session.get_one(InstallationFact, LEADER).updated_at -= by


def test_the_first_leads_and_the_others_stand_by(ctx: Context) -> None:
    first, second = Leadership(ctx), Leadership(ctx)
    assert not first.is_held()
    for scheduler in (first, second, first, second):
        scheduler.keep()
    assert (first.is_held(), second.is_held()) == (True, False)
    with ctx.read() as session:
        assert leading_instance(session) == own_instance(ctx)


def test_one_that_stops_is_followed_at_once_and_leads_no_more(ctx: Context) -> None:
    first, second = Leadership(ctx), Leadership(ctx)
    first.keep()
    first.give_up()
    with ctx.read() as session:
        assert leading_instance(session) is None
    first.keep()
    second.keep()
    assert (first.is_held(), second.is_held()) == (False, True)
    first.give_up()
    with ctx.read() as session:
        assert leading_instance(session) is not None, "what it gave up is another's now"


def test_one_that_died_on_this_host_is_followed_at_once(ctx: Context) -> None:
    first, second = Leadership(ctx), Leadership(ctx)
    first.keep()
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        dead = ProcessIdentity.of(process.pid)
    change(ctx, **dead.to_dict())
    second.keep()
    assert second.is_held()


def test_one_of_another_host_is_followed_after_its_lease(ctx: Context) -> None:
    first, second = Leadership(ctx), Leadership(ctx)
    first.keep()
    change(ctx, boot_id="of another machine")
    second.keep()
    assert not second.is_held()
    age(ctx, LEASE - timedelta(seconds=5))
    second.keep()
    assert not second.is_held()
    age(ctx, timedelta(seconds=6))
    with ctx.read() as session:
        assert leading_instance(session) is None
    second.keep()
    assert second.is_held()


def test_one_that_cannot_renew_stops_before_its_lease_ends(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.services.installation.leadership.time.monotonic", lambda: now[0])
    first = Leadership(ctx)
    first.keep()
    now[0] += LEASE.total_seconds() - 1
    assert first.is_held()
    now[0] += 1
    assert not first.is_held()


def test_one_whose_lease_was_taken_learns_it_when_it_renews(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("app.services.installation.leadership.time.monotonic", lambda: now[0])
    first, second = Leadership(ctx), Leadership(ctx)
    first.keep()
    age(ctx, 2 * LEASE)
    second.keep()
    assert second.is_held()
    now[0] += LEASE.total_seconds() / 2
    first.keep()
    assert not first.is_held()


def test_many_that_start_together_have_one_leader(
    make_settings: MakeSettings, postgresql_server: Server
) -> None:
    name = postgresql_server.create_database()
    ctx = build_context(make_settings(database_url=postgresql_server.url(name)))
    upgrade(ctx.db)
    schedulers = [Leadership(ctx) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(Leadership.keep, schedulers))
    assert sum(scheduler.is_held() for scheduler in schedulers) == 1
    ctx.db.close()
    postgresql_server.drop_database(name)
