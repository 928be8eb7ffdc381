"""The watchdog kills a worker that cannot stop Terraform itself, and what outlives a lease."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import boot_seconds
from app.services.context import Context
from app.services.engine.lease_watch import MARGIN_SECONDS, PAUSED_AFTER, LeaseWatch
from app.storage.lease_files import LeaseFiles, LeaseNote
from app.terraform.identity import ProcessIdentity
from tests.services.engine.test_heartbeat import Clock

OPERATION = "op_01k0000000000000000000000a"
LEASE_SECONDS = 60.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("app.services.engine.lease_watch.boot_seconds", made)
    return made


@pytest.fixture
def folder(ctx: Context) -> Path:
    made = ctx.runs.of(OPERATION).path
    made.mkdir(parents=True)
    return made


def sleeper(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], cwd=folder, start_new_session=True)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with sleeper(tmp_path) as process:
        yield process
        process.kill()


@pytest.fixture
def terraform(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """What works in the run directory, as Terraform does."""
    with sleeper(folder) as process:
        yield process
        process.kill()


def note_of(process: subprocess.Popen[bytes], renewed_at: float) -> LeaseNote:
    owner = ProcessIdentity.of(process.pid).to_dict()
    return LeaseNote(OPERATION, owner, renewed_at, LEASE_SECONDS)


def look_after(ctx: Context, clock: Clock, seconds: float) -> None:
    """Look as a watchdog does that has been looking all the time."""
    watch = LeaseWatch(ctx)
    for _ in range(int(seconds)):
        clock.now += 1
        watch.look()


def test_a_worker_that_renews_its_lease_is_left_alone(
    ctx: Context,
    clock: Clock,
    worker: subprocess.Popen[bytes],
    terraform: subprocess.Popen[bytes],
) -> None:
    LeaseFiles(ctx.settings.work_dir).write(note_of(worker, clock.now))
    look_after(ctx, clock, LEASE_SECONDS * 2 / 3)
    assert (worker.poll(), terraform.poll()) == (None, None)


def test_a_stopped_worker_is_killed_first_and_its_terraform_before_the_lease_ends(
    ctx: Context,
    clock: Clock,
    worker: subprocess.Popen[bytes],
    terraform: subprocess.Popen[bytes],
) -> None:
    files = LeaseFiles(ctx.settings.work_dir)
    files.write(note_of(worker, clock.now))
    os.kill(worker.pid, signal.SIGSTOP)
    look_after(ctx, clock, LEASE_SECONDS * 2 / 3 + MARGIN_SECONDS + 1)
    assert worker.wait(10) == -signal.SIGKILL
    assert terraform.poll() is None, "it got its SIGINT from the kernel and may stop by itself"
    look_after(ctx, clock, LEASE_SECONDS * 0.9 - LEASE_SECONDS * 2 / 3)
    assert terraform.wait(10) == -signal.SIGKILL
    look_after(ctx, clock, 1)
    assert files.read_all() == [], "nothing is left to look after"


def test_a_worker_that_is_stopping_terraform_is_not_killed(
    ctx: Context,
    clock: Clock,
    worker: subprocess.Popen[bytes],
    terraform: subprocess.Popen[bytes],
) -> None:
    """Its death would interrupt Terraform a second time, and that drops its state."""
    note = replace(note_of(worker, clock.now), is_stopping=True)
    LeaseFiles(ctx.settings.work_dir).write(note)
    look_after(ctx, clock, LEASE_SECONDS * 0.9 - 1)
    assert (worker.poll(), terraform.poll()) == (None, None)
    look_after(ctx, clock, 2)
    assert terraform.wait(10) == -signal.SIGKILL
    assert worker.poll() is None


def test_after_a_pause_of_the_whole_host_workers_may_renew_first(
    ctx: Context,
    clock: Clock,
    worker: subprocess.Popen[bytes],
    terraform: subprocess.Popen[bytes],
) -> None:
    LeaseFiles(ctx.settings.work_dir).write(note_of(worker, clock.now))
    watch = LeaseWatch(ctx)
    clock.now += max(PAUSED_AFTER, LEASE_SECONDS) + 1
    watch.look()
    assert (worker.poll(), terraform.poll()) == (None, None)
    for _ in range(4):
        clock.now += 1
        watch.look()
    assert terraform.wait(10) == -signal.SIGKILL


def test_a_note_of_an_earlier_boot_is_removed(
    ctx: Context, clock: Clock, worker: subprocess.Popen[bytes]
) -> None:
    note = note_of(worker, boot_seconds())
    files = LeaseFiles(ctx.settings.work_dir)
    files.write(replace(note, owner=note.owner | {"boot_id": "earlier"}))
    look_after(ctx, clock, 1)
    assert files.read_all() == []
    assert worker.poll() is None
