"""What Prometheus is told of processes: instances and their silence, workers, free room."""

from __future__ import annotations

from datetime import timedelta

from app.clock import utc_now
from app.domain.host_roles import HostRole
from app.models import Instance
from app.services.context import Context
from app.services.installation.figures import (
    InstanceCensus,
    count_workers,
    read_instances,
    read_room,
    read_scheduler_beat,
)
from app.services.installation.health import record_scheduler_beat
from app.services.installation.hosts import drain
from app.services.installation.instances import begin_instance, end_instance
from app.services.work import perform
from tests.landform import ADMIN
from tests.services.installation.test_hosts import AGO, held_elsewhere


def register(ctx: Context, *, silent_for: timedelta = AGO) -> str:
    """Register a host with a worker that was heard of so long ago."""
    made = begin_instance(ctx, HostRole.WORKER)
    with ctx.write() as session:
        session.get_one(Instance, made).heartbeat_at -= silent_for
    return made


def read(ctx: Context) -> InstanceCensus:
    with ctx.read() as session:
        return read_instances(session)


def test_an_instance_that_is_silent_is_told_with_what_it_holds(ctx: Context) -> None:
    before = read(ctx).by_status
    lost = register(ctx, silent_for=AGO)
    held_elsewhere(ctx, lost)
    alive = register(ctx, silent_for=timedelta(0))
    found = read(ctx)
    assert found.by_status["silent"] == before["silent"] + 1
    assert found.by_status["alive"] > before["alive"]
    told = {item.id: item for item in found.expected}
    assert told[lost].held == 1
    assert told[lost].silent_seconds >= AGO.total_seconds()
    assert told[alive].held == 0
    assert told[alive].silent_seconds < 60


def test_what_was_stopped_or_was_lost_long_ago_is_no_alarm(ctx: Context) -> None:
    before = read(ctx)
    register(ctx, silent_for=timedelta(days=2))
    register(ctx)
    end_instance(ctx)
    found = read(ctx)
    known = {item.id for item in before.expected}
    assert {item.id for item in found.expected} <= known
    assert found.by_status["stopped"] == before.by_status["stopped"] + 1
    assert found.by_status["silent"] == before.by_status["silent"]


def test_a_host_that_is_drained_is_still_expected_to_live(ctx: Context) -> None:
    own = register(ctx, silent_for=timedelta(0))
    with perform(ctx, ADMIN) as work:
        drain(work, own)
    assert own in {item.id for item in read(ctx).expected}
    assert read(ctx).by_status["draining"] == 1


def test_a_preparation_in_a_container_of_its_own_is_no_host(ctx: Context) -> None:
    begin_instance(ctx)
    before = read(ctx)
    made = begin_instance(ctx)
    assert read(ctx).by_status == before.by_status
    assert made not in {item.id for item in read(ctx).expected}


def test_a_host_that_was_lost_long_ago_is_told_as_long_as_it_holds_something(ctx: Context) -> None:
    forgotten = register(ctx, silent_for=timedelta(days=2))
    held_elsewhere(ctx, forgotten)
    assert forgotten in {item.id for item in read(ctx).expected}


def test_the_scheduler_has_a_beat_once_it_has_run(ctx: Context) -> None:
    with ctx.read() as session:
        assert read_scheduler_beat(session) is None
    record_scheduler_beat(ctx)
    with ctx.read() as session:
        beat = read_scheduler_beat(session)
    assert beat is not None
    assert utc_now() - beat < timedelta(minutes=1)


def test_places_that_do_not_answer_are_left_out(ctx: Context) -> None:
    assert set(read_room(ctx)) == {"volume"}, "nothing has made the work folder yet"
    ctx.runs.check()
    assert set(read_room(ctx)) == {"volume", "work_folder"}
    (ctx.settings.state_dir / ".landform-volume").unlink()
    ctx.settings.state_dir.rename(ctx.settings.state_dir.with_name("moved"))
    assert set(read_room(ctx)) == {"work_folder"}


def test_workers_are_unknown_while_redis_is_away(ctx: Context) -> None:
    assert count_workers(ctx) in (None, 0)
