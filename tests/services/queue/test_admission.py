"""Whether one more operation starts follows what its kind takes, and nothing starves."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest
from sqlalchemy import select

from app.domain.footprint import ENOUGH_SAMPLES, Footprint
from app.models import Operation, Stack
from app.services.context import Context
from app.services.queue import admission
from app.services.queue.admission import (
    has_memory,
    is_everything_short,
    read_needs,
    read_shortage,
)
from app.services.queue.dispatch import choose_next, record_capacity
from app.services.queue.footprints import learn
from app.services.queue.waits import waiting_for
from app.storage.host_memory import HostMemory
from tests.services.some_stacks import create, set_to

NETWORK, BUCKET = ("sandbox", "network"), ("sandbox", "bucket")
HOST = HostMemory(8000, 1000)


def teach(ctx: Context, stack: Stack, peak_mib: int) -> None:
    with ctx.write() as session:
        for _ in range(ENOUGH_SAMPLES):
            learn(session, stack.id, Footprint(peak_mib, 1.0))


def needs(ctx: Context, memory: HostMemory = HOST) -> dict[tuple[str, str], int]:
    with ctx.read() as session:
        return read_needs(ctx, session, memory)


def busy_with(ctx: Context, stack: Stack, host: str) -> None:
    with ctx.read() as session:
        query = select(Operation.id).where(Operation.stack_id == stack.id)
        operation_id = session.scalars(query).one()
    set_to(ctx, operation_id, status="planning", owner=f"{host}:7")


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host of 8 GB with 1 GB available."""
    monkeypatch.setattr(admission, "read_host_memory", lambda: HOST)


def test_the_declared_figures_count_until_enough_is_known(ctx: Context) -> None:
    found = needs(ctx)
    least = ctx.settings.operation_memory_mib
    assert found[NETWORK] == least
    assert found["aws", "network"] == max(least, ctx.catalog.clouds["aws"].memory_mib)


def test_a_kind_that_takes_much_is_held_back_alone_while_its_host_works(
    ctx: Context, host: None
) -> None:
    running, waiting = create(ctx, "running"), create(ctx, "waiting")
    bucket = create(ctx, "media", "bucket")
    busy_with(ctx, running, socket.gethostname())
    teach(ctx, running, 2000)
    with ctx.read() as session:
        shortage = read_shortage(ctx, session)
        fits = session.scalars(select(Stack.id).where(has_memory(ctx, shortage))).all()
    assert {place for place in shortage if place[0] == "sandbox"} == {NETWORK}
    assert "1000 MiB" in shortage[NETWORK]
    assert "2400" in shortage[NETWORK]
    assert set(fits) == {bucket.id}
    assert not is_everything_short(ctx, shortage)
    record_capacity(ctx)
    with ctx.read() as session:
        row = session.scalars(select(Operation).where(Operation.stack_id == waiting.id)).one()
        reason = waiting_for(session, row)
    assert reason is not None
    assert reason["reason"] == "memory"


def test_an_idle_host_starts_what_the_declared_figure_allows(ctx: Context, host: None) -> None:
    """Else a kind whose need was learned on a larger host would never start on this one."""
    stack = create(ctx, "web")
    teach(ctx, stack, 500_000)
    assert needs(ctx)[NETWORK] == ctx.settings.operation_memory_mib
    chosen = choose_next(ctx)
    assert chosen is not None
    busy_with(ctx, create(ctx, "elsewhere"), "another-host")
    assert needs(ctx)[NETWORK] == ctx.settings.operation_memory_mib


def test_no_need_is_more_than_most_of_the_host(ctx: Context) -> None:
    stack = create(ctx, "web")
    busy_with(ctx, stack, socket.gethostname())
    teach(ctx, stack, 500_000)
    assert needs(ctx)[NETWORK] == 6000
    assert needs(ctx, HostMemory(100, 90))[NETWORK] == ctx.settings.operation_memory_mib


def test_a_kind_that_takes_little_needs_less_than_its_cloud_declares(ctx: Context) -> None:
    stack = create(ctx, "web")
    heavy = replace(ctx.catalog.clouds["sandbox"], memory_mib=3000)
    clouds = {**ctx.catalog.clouds, "sandbox": heavy}
    light = replace(ctx, catalog=replace(ctx.catalog, clouds=clouds))
    teach(light, stack, 100)
    assert needs(light)[NETWORK] == ctx.settings.operation_memory_mib
    assert needs(light)[BUCKET] == 3000


def test_learning_can_be_switched_off_and_admission_too(ctx: Context, host: None) -> None:
    stack = create(ctx, "web")
    busy_with(ctx, stack, socket.gethostname())
    teach(ctx, stack, 2000)
    declared = replace(
        ctx, settings=ctx.settings.model_copy(update={"operation_memory_learned": False})
    )
    assert needs(declared)[NETWORK] == ctx.settings.operation_memory_mib
    off = replace(ctx, settings=ctx.settings.model_copy(update={"operation_memory_mib": 0}))
    with off.read() as session:
        assert read_shortage(off, session) == {}


def test_where_everything_is_short_nothing_is_chosen(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(ctx, "web")
    monkeypatch.setattr(admission, "read_host_memory", lambda: HostMemory(8000, 1))
    with ctx.read() as session:
        shortage = read_shortage(ctx, session)
        assert is_everything_short(ctx, shortage)
        assert session.scalars(select(Stack.id).where(has_memory(ctx, shortage))).all() == []
    assert choose_next(ctx) is None
