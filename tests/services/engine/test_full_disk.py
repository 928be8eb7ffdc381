"""The disk fills up in the middle of an apply: nothing is lost, and the ballast lets it end well.

State and run directory are on one small file system, the worst case of ``docs/architecture.md``.
"""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import Settings
from app.models import Operation, Stack
from app.services.engine.recovery import run_directories
from app.services.installation.disk_reserve import keep_ballasts
from app.storage.ballast import BALLAST
from sandbox.provider.install import install
from tests.landform import NOWHERE, Landform
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.test_recovery import PATIENCE_SECONDS, recorded_ids, wait_until, worker

pytestmark = pytest.mark.thorough

MIB = 1024 * 1024
DISK_BYTES = 80 * MIB
_numbers = itertools.count()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "disk"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "landform-test", str(root)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may not mount a small file system: run the tests as root")
    yield root
    subprocess.run(["umount", "--lazy", str(root)], check=True)


MakeLandform = Callable[[int], Landform]


@pytest.fixture
def make_landform(
    make_settings: Callable[..., Settings], sandbox_service: Service, small_disk: Path
) -> Iterator[MakeLandform]:
    """Return a factory of a Landform on the small disk, by the size of its ballast."""
    made: list[Landform] = []

    def make(ballast_bytes: int) -> Landform:
        token = sandbox_service.make_account(f"full-{next(_numbers)}")
        settings = make_settings(
            redis_url=NOWHERE,
            sandbox_port=sandbox_service.port,
            state_root=small_disk / "state",
            work_root=small_disk / "work",
            ballast_bytes=ballast_bytes,
        )
        install(settings.sandbox_mirror)
        made.append(Landform(settings, Cloud(sandbox_service.endpoint, token)))
        keep_ballasts(made[0].ctx)
        return made[0]

    yield make
    for landform in made:
        landform.close()


def fill(folder: Path) -> Path:
    """Leave not one free block in the file system of ``folder``."""
    filler = folder / f"filler-{next(_numbers)}"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        write_without_end(file)
    return filler


def write_without_end(file: Any) -> None:
    while True:
        file.write(bytes(4096))


def apply_on_a_disk_that_fills_up(
    landform: Landform, disk: Path, left_bytes: int = 0
) -> tuple[Stack, Operation, list[Path]]:
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 2})
    with worker(landform, operation) as process:
        wait_until(landform.cloud.list, "the first resource")
        fillers = [fill(disk)]
        os.truncate(fillers[0], fillers[0].stat().st_size - left_bytes)
        assert process.wait(PATIENCE_SECONDS) == 0
    return stack, landform.operation(operation.id), fillers


def existing_ids(landform: Landform) -> set[str]:
    return {item["id"] for item in landform.cloud.list()}


def test_with_a_ballast_the_apply_ends_well_and_the_ballast_comes_back_with_the_room(
    make_landform: MakeLandform, small_disk: Path
) -> None:
    landform = make_landform(4 * MIB)
    ballasts = [small_disk / "state" / BALLAST, small_disk / "work" / BALLAST]
    assert all(path.exists() for path in ballasts)
    stack, done, fillers = apply_on_a_disk_that_fills_up(landform, small_disk, MIB)
    assert (done.status, done.error) == ("applied", None)
    assert recorded_ids(landform, stack) == existing_ids(landform)
    assert not all(path.exists() for path in ballasts), "room was needed and given"
    keep_ballasts(landform.ctx)
    assert not all(path.exists() for path in ballasts), "not while there is too little room"
    for filler in fillers:
        filler.unlink()
    keep_ballasts(landform.ctx)
    assert all(path.exists() for path in ballasts)


def test_without_a_ballast_every_resource_is_in_state_or_named_once_there_is_room(
    make_landform: MakeLandform, small_disk: Path
) -> None:
    landform = make_landform(0)
    stack, done, fillers = apply_on_a_disk_that_fills_up(landform, small_disk)
    assert done.status in ("errored", "interrupted")
    for filler in fillers:
        filler.unlink()
    run_directories.save_unsaved(landform.ctx)
    after = landform.operation(done.id)
    assert not after.has_unsaved_state
    named = {item["address"] for item in after.possibly_orphaned}
    missing = existing_ids(landform) - recorded_ids(landform, stack)
    assert len(missing) <= len(named), (missing, named, done.error)
