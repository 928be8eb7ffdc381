"""A host that starts on a mount whose locks do not hold between hosts refuses, in words."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.models import Instance
from app.services.context import Context, build_context
from app.services.installation import shared_locks
from app.services.installation.instances import beat_instance, begin_instance
from app.services.installation.setup import prepare
from app.services.installation.shared_locks import (
    forget_host_locks,
    keep_host_lock,
    require_shared_locks,
)
from app.storage.host_locks import FOLDER, HostLock
from tests.conftest import MakeSettings
from tests.postgresql import Server

MakeSecond = Callable[[Path], Context]


@pytest.fixture
def url(postgresql_server: Server) -> Iterator[str]:
    name = postgresql_server.create_database()
    yield postgresql_server.url(name)
    postgresql_server.drop_database(name)


@pytest.fixture
def first(make_settings: MakeSettings, url: str) -> Iterator[Context]:
    """A host that is another machine for those that start after it."""
    settings = make_settings(database_url=url)
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    with closing(ctx.db):
        own = begin_instance(ctx)
        with ctx.write() as session:
            session.get_one(Instance, own).boot_id = "another machine"
        yield ctx


@pytest.fixture
def make_second(make_settings: MakeSettings, url: str, first: Context) -> Iterator[MakeSecond]:
    made: list[Context] = []

    def make(state_root: Path) -> Context:
        home = first.settings.home_dir.with_name("second")
        settings = make_settings(home=home, database_url=url, state_root=state_root)
        made.append(build_context(settings))
        return made[-1]

    yield make
    for ctx in made:
        ctx.db.close()


@contextmanager
def living(ctx: Context, lock: HostLock) -> Iterator[None]:
    """Give signs of life for ``ctx`` as its agent does, but faster."""
    ended = threading.Event()

    def live() -> None:
        while not ended.wait(0.2):
            lock.keep(ctx.volume(), begun)
            beat_instance(ctx)

    begun = shared_locks.own_instance(ctx)
    lock.keep(ctx.volume(), begun)
    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        lock.release()


def test_locks_that_hold_let_a_second_host_start(first: Context, make_second: MakeSecond) -> None:
    second = make_second(first.settings.state_dir)
    with living(first, HostLock()):
        require_shared_locks(second)
    names = {path.name for path in (first.settings.state_dir / FOLDER).iterdir()}
    assert names == {shared_locks.own_instance(first), shared_locks.own_instance(second)}


def test_a_mount_that_grants_a_held_lock_is_refused(
    first: Context, make_second: MakeSecond
) -> None:
    with living(first, HostLock()):
        # Each of two hosts on its own copy: as a mount whose locks stay with each client.
        copy = first.settings.home_dir.with_name("copy")
        shutil.copytree(first.settings.state_dir, copy)
        with pytest.raises(ConfigurationError) as refused:
            require_shared_locks(make_second(copy))
    assert "grants this host a lock that the host" in refused.value.detail
    assert "Mount it so that locks hold" in refused.value.detail


@pytest.mark.parametrize("took_it", [True, False])
def test_a_host_that_died_or_has_no_agent_yet_stops_nobody(
    first: Context, make_second: MakeSecond, took_it: bool
) -> None:
    if took_it:
        lock = HostLock()
        lock.keep(first.volume(), shared_locks.own_instance(first))
        lock.release()
    with first.write() as session:
        row = session.get_one(Instance, shared_locks.own_instance(first))
        row.heartbeat_at -= shared_locks.SILENT_AFTER - timedelta(seconds=1)
    require_shared_locks(make_second(first.settings.state_dir), holds=False)


def test_a_former_start_of_the_same_host_is_not_waited_for(
    first: Context, make_second: MakeSecond
) -> None:
    with first.write() as session:  # the same machine as the test
        row = session.get_one(Instance, shared_locks.own_instance(first))
        row.boot_id = shared_locks.boot_id()
    lock = HostLock()
    lock.keep(first.volume(), row.id)
    lock.release()
    second = make_second(first.settings.state_dir)
    assert shared_locks._living(second) == []


def test_locks_of_forgotten_instances_are_removed(first: Context) -> None:
    (first.settings.state_dir / FOLDER).mkdir()
    (first.settings.state_dir / FOLDER / "ins_gone").touch()
    keep_host_lock(first)
    try:
        forget_host_locks(first)
        found = [path.name for path in (first.settings.state_dir / FOLDER).iterdir()]
        assert found == [shared_locks.own_instance(first)]
    finally:
        shared_locks._own.release()


def test_a_database_of_one_machine_needs_none(ctx: Context) -> None:
    require_shared_locks(ctx)
    keep_host_lock(ctx)
    forget_host_locks(ctx)
    assert ctx.db.is_shared or not (ctx.settings.state_dir / FOLDER).exists()
    shared_locks._own.release()
