"""While a plan awaits approval, nothing of its run is readable; afterwards all is as it was."""

from __future__ import annotations

import base64
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from app.crypto import KeyRing
from app.errors import DecryptionError, UnavailableError
from app.storage.parked_run import SEALED_SUFFIX, park, sealed_files, unpark
from app.storage.run_directory import RunDirectories, RunDirectory
from app.storage.run_files import RunFiles
from app.storage.sealed_files import parked_files

CANARY = b"canary-4f1d"


@pytest.fixture
def run(tmp_path: Path, make_state: Callable[..., bytes]) -> RunDirectory:
    """A run directory as it is after a plan."""
    module = tmp_path / "module"
    module.mkdir()
    (module / "main.tf").write_text('resource "terraform_data" "a" {}\n')
    run = RunDirectories(tmp_path / "work").of("op_01")
    values = {"user_data": CANARY.decode()}
    state = make_state(3, secret=CANARY.decode())
    run.prepare(RunFiles.of(module, 'provider "x" {}\n', values, b"", state))
    run.plan_path.write_bytes(b"PK" + CANARY)
    run.events_path("plan").write_bytes(b'{"@message": "' + CANARY + b'"}\n')
    (run.temporary / "provider.log").write_bytes(CANARY)
    installed = run.path / ".terraform" / "providers"
    installed.mkdir(parents=True)
    (installed / "plugin").write_bytes(b"\x7fELF")
    (run.path / "link").symlink_to(run.plan_path)
    return run


def content(run: RunDirectory) -> dict[str, bytes]:
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in sorted(run.path.rglob("*"))
        if path.is_file() and not path.is_symlink()
    }


def test_a_parked_run_holds_no_secret_and_comes_back_byte_for_byte(
    run: RunDirectory, keys: KeyRing
) -> None:
    before = content(run)
    assert sum(CANARY in data for data in before.values()) == 5
    park(run, keys)
    parked = content(run)
    spelled = base64.b64encode(CANARY)[:-4]
    assert not any(CANARY in data or spelled in data for data in parked.values())
    assert {name for name in parked if not name.endswith(SEALED_SUFFIX)} == {
        *("main.tf", "landform_provider.tf", ".terraform.lock.hcl", ".terraform/providers/plugin")
    }
    for path in run.path.rglob(f"*{SEALED_SUFFIX}"):
        assert path.stat().st_mode & 0o777 == 0o600
    unpark(run, keys)
    assert content(run) == before
    for path in run.path.rglob("*"):
        if path.is_file() and ".terraform" not in path.parts:
            assert path.stat().st_mode & 0o777 == 0o600, path


def test_to_park_or_to_open_twice_changes_nothing(run: RunDirectory, keys: KeyRing) -> None:
    before = content(run)
    unpark(run, keys)
    assert content(run) == before
    park(run, keys)
    parked = content(run)
    park(run, keys)
    assert content(run) == parked


def test_a_run_that_is_not_there_stays_so(tmp_path: Path, keys: KeyRing) -> None:
    unpark(RunDirectories(tmp_path).of("op_02"), keys)
    assert list(tmp_path.iterdir()) == []


def test_a_flipped_bit_or_another_place_opens_nothing_and_changes_nothing(
    run: RunDirectory, keys: KeyRing
) -> None:
    park(run, keys)
    sealed = run.plan_path.with_name(run.plan_path.name + SEALED_SUFFIX)
    whole = sealed.read_bytes()
    for position in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        sealed.write_bytes(bytes(damaged))
        before = content(run)
        with pytest.raises(DecryptionError):
            unpark(run, keys)
        assert content(run) == before
    sealed.write_bytes(whole)
    other = RunDirectory(run.path.with_name("op_other"))
    shutil.copytree(run.path, other.path, symlinks=True)
    with pytest.raises(DecryptionError):
        unpark(other, keys)
    unpark(run, keys)
    assert run.plan_path.read_bytes() == b"PK" + CANARY


def test_a_full_disk_leaves_the_run_as_it_was(
    run: RunDirectory, keys: KeyRing, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    before = content(run)
    with full_disk(120), pytest.raises(UnavailableError, match="make room"):
        park(run, keys)
    kept = {name: data for name, data in content(run).items() if not name.endswith(SEALED_SUFFIX)}
    assert kept == before
    park(run, keys)
    with full_disk(1), pytest.raises(UnavailableError):
        unpark(run, keys)
    unpark(run, keys)
    assert content(run) == before


def test_a_parked_run_gets_a_newer_key_while_it_waits(run: RunDirectory, keys: KeyRing) -> None:
    before = content(run)
    park(run, keys)
    newest = KeyRing("k2", {"k2": bytes(range(32, 64))})
    both = KeyRing("k2", {**newest.keys, **keys.keys})
    files = list(parked_files(RunDirectories(run.path.parent.parent)))
    assert len(files) == 5
    ages = [file.path.stat().st_mtime_ns for file in files]
    assert all(file.rewrap(both) for file in files)
    assert [file.path.stat().st_mtime_ns for file in files] == ages, (
        "no younger, also for retention"
    )
    assert not any(file.rewrap(both) for file in files)
    unpark(run, newest)
    assert content(run) == before


def test_a_file_that_goes_while_its_key_is_changed_is_no_trouble(
    run: RunDirectory, keys: KeyRing
) -> None:
    park(run, keys)
    files = list(parked_files(RunDirectories(run.path.parent.parent)))
    run.remove()
    assert [file.head() for file in files] == [None] * len(files)
    assert not any(file.rewrap(keys) for file in files)
    assert not run.exists


@pytest.fixture
def deep_run(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunDirectory]:
    """A run directory deeper than recursion may go; removed here, since pytest itself could not."""
    monkeypatch.chdir(run.path)
    for _ in range(sys.getrecursionlimit() + 500):
        Path("deeper").mkdir()
        os.chdir("deeper")
    monkeypatch.chdir(run.path)
    yield run
    monkeypatch.chdir(run.path.parent)
    run.remove()


def test_a_folder_that_is_too_deep_to_descend_into_stops_nobody(
    deep_run: RunDirectory, keys: KeyRing
) -> None:
    os.mkfifo("pipe.sealed")
    before = deep_run.state_bytes()
    park(deep_run, keys)
    assert deep_run.state_bytes() is None
    unpark(deep_run, keys)
    assert deep_run.state_bytes() == before
    assert sealed_files(deep_run.path) == []
