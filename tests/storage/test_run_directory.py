"""A run directory is private, complete, and gives back the newest valid state."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from app.errors import CatalogError, ConflictError, NotFoundError, UnavailableError
from app.storage.run_directory import RunDirectories, RunDirectory
from app.storage.run_files import PROVIDER_FILE, RunFiles
from app.storage.work_folder_errors import WorkFolderError

MakeState = Callable[..., bytes]
OPERATION = "op_01"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "terraform_data" "a" {}\n')
    (folder / "notes.md").write_text("not for Terraform")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectories(tmp_path / "work").of(OPERATION)


def prepare(run: RunDirectory, module: Path, state: bytes | None = None, **values: Any) -> None:
    run.prepare(RunFiles.of(module, 'provider "x" {}\n', values, b"locked", state))


def test_everything_in_it_is_private_and_in_its_place(
    run: RunDirectory, module: Path, make_state: MakeState
) -> None:
    prepare(run, module, make_state(1), name='${file("/etc/passwd")}', size=3)
    assert (run.path / "main.tf").read_text() == (module / "main.tf").read_text()
    assert (run.path / PROVIDER_FILE).read_text() == 'provider "x" {}\n'
    variables = json.loads((run.path / "landform.auto.tfvars.json").read_text())
    assert variables == {"name": '${file("/etc/passwd")}', "size": 3}
    assert run.state_bytes() == make_state(1)
    assert not (run.path / "notes.md").exists()
    for path in run.path.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert run.path.stat().st_mode & 0o777 == 0o700
    assert run.events_path("apply").parent == run.logs


def test_an_earlier_run_is_never_written_over(
    run: RunDirectory, module: Path, make_state: MakeState
) -> None:
    prepare(run, module, make_state(1))
    with pytest.raises(ConflictError, match="earlier run"):
        prepare(run, module, None)
    assert run.state_bytes() == make_state(1)


def test_a_file_that_leads_out_of_the_module_is_refused(run: RunDirectory, module: Path) -> None:
    outside = module.parent / "outside.tf"
    outside.write_text("")
    (module / "link.tf").symlink_to(outside)
    with pytest.raises(CatalogError, match="link.tf"):
        prepare(run, module)
    assert not run.exists


@pytest.mark.parametrize("name", ["folder.tf", PROVIDER_FILE])
def test_a_folder_or_a_reserved_name_in_a_module_is_refused(
    run: RunDirectory, module: Path, name: str
) -> None:
    (module / name).mkdir() if name == "folder.tf" else (module / name).write_text("")
    with pytest.raises(CatalogError, match=name):
        prepare(run, module)


def test_a_module_without_terraform_files_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(CatalogError, match="holds no"):
            prepare(run, folder)


@pytest.mark.parametrize("value", [float("nan"), object(), b"x"])
def test_values_that_are_no_json_are_refused_before_anything_is_made(
    run: RunDirectory, module: Path, value: object
) -> None:
    with pytest.raises((ValueError, TypeError)):
        prepare(run, module, size=value)
    assert not run.exists


@pytest.mark.parametrize("operation_id", ["", "..", "../op_1", "op_1/x", "op_1\n", "op_", "OP_1"])
def test_a_hostile_operation_id_is_refused(tmp_path: Path, operation_id: str) -> None:
    with pytest.raises(NotFoundError):
        RunDirectories(tmp_path).of(operation_id)


def test_leftovers_are_listed_until_removed(
    tmp_path: Path, run: RunDirectory, module: Path
) -> None:
    runs = RunDirectories(tmp_path / "work")
    assert runs.leftovers() == ()
    prepare(run, module)
    assert runs.leftovers() == (OPERATION,)
    run.remove()
    run.remove()
    assert runs.leftovers() == ()


def test_what_is_in_its_place_is_removed_and_not_what_a_link_leads_to(
    tmp_path: Path, run: RunDirectory, module: Path
) -> None:
    prepare(run, module)
    elsewhere = tmp_path / "elsewhere"
    run.path.rename(elsewhere)
    run.path.symlink_to(elsewhere)
    run.remove()
    assert not run.path.is_symlink()
    assert (elsewhere / "logs").is_dir()
    run.path.write_text("not a folder")
    assert run.state_bytes() is None
    run.remove()
    assert not run.path.exists()
    run.path.parent.rmdir()
    run.path.parent.write_text("not a folder")
    run.remove()


def test_the_newest_valid_state_is_found_wherever_it_is(
    run: RunDirectory, module: Path, make_state: MakeState
) -> None:
    prepare(run, module, make_state(5))
    assert run.newest_valid_state() == make_state(5)
    run.backup_path.write_bytes(make_state(4))
    run.state_path.write_bytes(make_state(6)[:100])
    assert run.newest_valid_state() == make_state(4)
    run.errored_state_path.write_bytes(make_state(7))
    assert run.newest_valid_state() == make_state(7)
    run.errored_state_path.write_bytes(make_state(8, lineage="lineage-b"))
    assert run.newest_valid_state("lineage-a") == make_state(4)


def test_the_state_printed_on_a_full_disk_is_found(
    run: RunDirectory, module: Path, make_state: MakeState
) -> None:
    prepare(run, module, make_state(5))
    dump = {"@message": "Emergency state dump", "type": "log", "state": json.loads(make_state(9))}
    torn = json.dumps(dump)[:90]
    run.events_path("apply").write_text(f'{{"type":"x"}}\n{torn}\n{json.dumps(dump)}\n')
    found = run.newest_valid_state("lineage-a")
    assert found is not None
    assert json.loads(found) == json.loads(make_state(9))


def test_without_any_valid_state_there_is_none(run: RunDirectory, module: Path) -> None:
    assert run.newest_valid_state() is None
    prepare(run, module)
    run.state_path.write_bytes(b"")
    assert run.newest_valid_state() is None
    assert run.state_bytes() == b""


def test_a_full_work_folder_is_said(
    run: RunDirectory,
    module: Path,
    full_disk: Callable[[int], AbstractContextManager[None]],
) -> None:
    with full_disk(8), pytest.raises(UnavailableError, match="LANDFORM_WORK_ROOT"):
        prepare(run, module)


def test_two_processes_may_remove_the_same_run_directory(tmp_path: Path) -> None:
    runs = RunDirectories(tmp_path)
    for number in range(20):
        directory = runs.of(f"op_{number}")
        for name in range(30):
            folder = directory.path / f"f{name}"
            folder.mkdir(parents=True)
            (folder / "file").write_text("x")
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(directory.remove) for _ in range(4)]:
                done.result()
        assert not directory.exists


def test_a_work_folder_with_no_room_or_no_right_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunDirectories(tmp_path / "work")
    runs.check()
    usage = shutil.disk_usage(tmp_path)._replace(free=1024)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(WorkFolderError, match="0 MiB free"):
        runs.check()
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WorkFolderError, match="cannot be written"):
        RunDirectories(tmp_path / "file").check()


def test_whatever_a_module_makes_of_its_folder_it_is_removed(
    run: RunDirectory, module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(run, module)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("kept")
    monkeypatch.chdir(run.temporary)
    for _ in range(sys.getrecursionlimit() + 500):  # far longer than a path may be
        Path("deeper").mkdir()
        os.chdir("deeper")
    Path("link").symlink_to(outside)
    os.mkfifo("fifo")
    Path("closed").mkdir()
    Path("closed/secret").write_text("secret")
    Path("closed").chmod(0)
    monkeypatch.chdir(tmp_path)
    run.remove()
    assert not run.exists
    assert (outside / "kept").read_text() == "kept"


def test_a_work_folder_that_is_a_link_is_no_obstacle(tmp_path: Path, module: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "disk")
    run = RunDirectories(tmp_path / "work").of(OPERATION)
    prepare(run, module)
    run.remove()
    assert not (tmp_path / "disk" / "runs" / OPERATION).exists()
