"""A run directory that cannot be read: no state is given up, and every operation ends and says why.

The tests may run as root, whom no mode keeps from reading: the system's answer is put in its place.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.domain.operations import OperationType
from app.errors import UnavailableError
from app.models import Operation, Stack
from app.services.engine.recovery import dead_runs, run_directories
from app.services.engine.recovery.orphan_search import search_orphans
from app.terraform import cli
from app.terraform.process import ProcessSpec
from tests.landform import Landform
from tests.services.engine.test_kills import died_while_planning
from tests.services.engine.test_recovery import (
    kill_while_applying,
    recorded_ids,
    wait_for_terraform_to_end,
)


@contextmanager
def broken(folder: Path, number: int) -> Iterator[None]:
    """Have the system answer so to whoever opens, lists or removes anything in ``folder``."""

    def guard(real: Any) -> Any:
        def answer(path: Any, *more: Any, **named: Any) -> Any:
            if isinstance(path, str | Path) and str(path).startswith(str(folder)):
                raise OSError(number, os.strerror(number), str(path))
            return real(path, *more, **named)

        return answer

    with pytest.MonkeyPatch.context() as patch:
        for name in ("open", "scandir", "rmdir", "unlink"):
            patch.setattr(os, name, guard(getattr(os, name)))
        yield


@pytest.fixture
def killed(landform: Landform) -> tuple[Stack, Operation]:
    """A network whose worker was killed while it was made."""
    landform.cloud.set_faults(create_delay_seconds=2)
    stack, operation = landform.create("network", "web", parameters={"zones": 2})
    kill_while_applying(landform, operation)
    wait_for_terraform_to_end(landform, operation)
    return stack, landform.operation(operation.id)


@pytest.mark.thorough
@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_its_state_is_waited_for_and_saved_when_it_can_be_read_again(
    landform: Landform, killed: tuple[Stack, Operation], number: int
) -> None:
    stack, operation = killed
    directory = landform.ctx.runs.of(operation.id)
    with broken(directory.path, number):
        assert dead_runs.reap(landform.ctx) == [operation.id]
        run_directories.save_unsaved(landform.ctx)
        run_directories.remove_leftovers(landform.ctx)
    done = landform.operation(operation.id)
    assert (done.status, done.has_unsaved_state) == ("interrupted", True)
    told = (done.error or {})["detail"]
    assert os.strerror(number) in told
    assert str(directory.path) in told
    assert "let Landform's user read it" in told
    assert directory.exists
    assert landform.stack(stack.id).status == "needs_attention"
    assert dead_runs.reap(landform.ctx) == [], "it has ended"
    run_directories.save_unsaved(landform.ctx)
    assert not landform.operation(operation.id).has_unsaved_state
    made = {item["id"] for item in landform.cloud.list()}
    named = {item["id"] for item in landform.operation(operation.id).possibly_orphaned}
    assert made <= recorded_ids(landform, stack) | named
    assert not directory.exists


@pytest.mark.thorough
def test_one_that_is_lost_for_good_is_moved_away_and_the_stack_goes_on(
    landform: Landform, killed: tuple[Stack, Operation], tmp_path: Path
) -> None:
    stack, operation = killed
    directory = landform.ctx.runs.of(operation.id)
    with broken(directory.path, errno.EIO):
        dead_runs.reap(landform.ctx)
    shutil.move(directory.path, tmp_path / "aside")
    run_directories.save_unsaved(landform.ctx)
    search_orphans(landform.ctx)
    done = landform.operation(operation.id)
    assert (done.status, done.has_unsaved_state) == ("interrupted", False)
    made = {item["id"] for item in landform.cloud.list()}
    named = {item["id"] for item in done.possibly_orphaned}
    assert made <= recorded_ids(landform, stack) | named


@pytest.mark.parametrize("kind", [OperationType.PLAN, OperationType.DRIFT_CHECK])
def test_a_plan_that_died_and_cannot_be_cleared_away_ends_and_says_why(
    landform: Landform, network: Stack, kind: OperationType
) -> None:
    operation = landform.request(network, kind)
    died_while_planning(landform, operation)
    directory = landform.ctx.runs.of(operation.id)
    with broken(directory.path, errno.EIO):
        assert dead_runs.reap(landform.ctx) == [operation.id]
    done = landform.operation(operation.id)
    assert done.status == "errored"
    assert os.strerror(errno.EIO) in (done.error or {})["detail"]
    assert directory.exists
    run_directories.remove_leftovers(landform.ctx)
    assert not directory.exists


def test_one_that_cannot_be_removed_keeps_no_other_from_being_removed(
    landform: Landform, network: Stack
) -> None:
    done = [landform.perform(network, OperationType.PLAN) for _ in range(2)]
    folders = [landform.ctx.runs.of(item.id) for item in done]
    for folder in folders:
        folder.logs.mkdir(parents=True)
    first, second = sorted(folders, key=lambda item: item.path)
    with broken(first.path, errno.EACCES), pytest.raises(UnavailableError):
        run_directories.remove_leftovers(landform.ctx)
    assert (first.exists, second.exists) == (True, False)


def test_a_run_directory_removed_while_planning_is_told_as_that(
    landform: Landform, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cli.run_process

    def remove_after(spec: ProcessSpec, hooks: Any) -> Any:
        result = real(spec, hooks)
        if "show" in spec.command:
            shutil.rmtree(spec.directory)
        return result

    monkeypatch.setattr(cli, "run_process", remove_after)
    _, operation = landform.create("bucket", "files")
    done = landform.carry_out(operation)
    assert done.status == "errored"
    assert "was removed while the operation ran" in (done.error or {})["detail"]
    assert landform.cloud.list() == []
