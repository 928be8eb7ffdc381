"""Init is spared only where it would do again exactly what it did."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.storage.prepared_init import Installation, PreparedInit
from app.storage.run_directory import RunDirectory
from app.storage.run_files import LOCK_FILE, RunFiles

LINK = ".terraform/providers/a.test/b/c/1.0.0/linux_amd64"
MakeRun = Callable[..., RunDirectory]


@pytest.fixture
def provider(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror" / "a.test" / "b" / "c" / "1.0.0" / "linux_amd64"
    folder.mkdir(parents=True)
    (folder / "terraform-provider-c_v1.0.0").write_text("a provider")
    return folder


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    def make(name: str, module: str = "resource {}") -> RunDirectory:
        run = RunDirectory(tmp_path / name)
        run.path.mkdir()
        (run.path / "main.tf").write_text(module)
        run.cli_config_path.write_text("mirrors")
        return run

    return make


def prepared(run: RunDirectory, terraform: str = "terraform 1.11.4") -> PreparedInit:
    """Return what is kept for the files that lie in a run directory."""
    root = run.path.parent
    files = {path.name: path.read_bytes() for path in run.path.iterdir() if path.is_file()}
    cli_config = files.pop(run.cli_config_path.name).decode()
    state = files.pop(run.state_path.name, None)
    mirrors = (root / "mirror", root / "no-mirror")
    installation = Installation(terraform, cli_config, mirrors)
    return PreparedInit(root / "work", RunFiles(files, b"{}", state), installation)


def restored(run: RunDirectory) -> bool:
    return prepared(run).restore(run)


def pretend_init(run: RunDirectory, provider: Path) -> None:
    """Leave what Terraform leaves after an init from a filesystem mirror."""
    link = run.path / LINK
    link.parent.mkdir(parents=True)
    link.symlink_to(provider)
    (run.path / LOCK_FILE).write_text("checksums")


def test_the_next_run_with_the_same_module_is_prepared(make_run: MakeRun, provider: Path) -> None:
    first = prepared(run := make_run("first"))
    assert not first.restore(run)
    pretend_init(run, provider)
    first.keep(run)
    second = make_run("second")
    assert restored(second)
    assert (second.path / LINK).resolve() == provider
    assert (second.path / LOCK_FILE).read_text() == "checksums"


CHANGES = ("module", "terraform", "mirrors", "lock file", "imports")
MORE_CHANGES = ("provider in the state", "version in the mirror")


@pytest.mark.parametrize("change", [*CHANGES, *MORE_CHANGES])
def test_whatever_init_looks_at_makes_another_result(
    make_run: MakeRun, provider: Path, change: str
) -> None:
    first = prepared(run := make_run("first"))
    pretend_init(run, provider)
    first.keep(run)
    second = make_run("second", "resource {} # new" if change == "module" else "resource {}")
    if change == "mirrors":
        second.cli_config_path.write_text("other mirrors")
    if change == "lock file":
        (second.path / LOCK_FILE).write_text("of the blueprint")
    if change == "provider in the state":
        named = {"provider": 'provider["registry.terraform.io/hashicorp/random"]'}
        second.state_path.write_text(json.dumps({"resources": [named]}))
    if change == "version in the mirror":
        (provider.parents[1] / "1.1.0" / provider.name).mkdir(parents=True)
    if change == "imports":
        (second.path / "landform_imports.tf.json").write_text("{}")
    other = prepared(second, "tofu 1.9" if change == "terraform" else "terraform 1.11.4")
    assert not other.restore(second)
    assert not (second.path / ".terraform").exists()


def test_what_a_state_holds_beside_its_providers_makes_no_other_result(
    make_run: MakeRun, provider: Path
) -> None:
    runs = [make_run("first"), make_run("second")]
    for serial, run in enumerate(runs):
        named = {"provider": 'provider["registry.terraform.io/hashicorp/random"]'}
        run.state_path.write_text(json.dumps({"serial": serial, "resources": [named]}))
    first = prepared(runs[0])
    pretend_init(runs[0], provider)
    first.keep(runs[0])
    assert restored(runs[1])


def test_a_provider_that_was_replaced_in_its_mirror_is_initialised_anew(
    make_run: MakeRun, provider: Path
) -> None:
    first = prepared(run := make_run("first"))
    pretend_init(run, provider)
    first.keep(run)
    (provider / "terraform-provider-c_v1.0.0").write_text("another provider")
    assert not restored(make_run("second"))
    (provider / "terraform-provider-c_v1.0.0").unlink()
    provider.rmdir()
    assert not restored(make_run("third"))


def test_a_provider_that_init_downloaded_is_not_kept(make_run: MakeRun) -> None:
    first = prepared(run := make_run("first"))
    (run.path / LINK).mkdir(parents=True)
    (run.path / LINK / "terraform-provider-c_v1.0.0").write_text("downloaded")
    (run.path / LOCK_FILE).write_text("checksums")
    first.keep(run)
    assert not restored(make_run("second"))


@pytest.mark.parametrize("content", ["", "nonsense", "[]", "{}", '{"links": {"x": 1}, "lock": ""}'])
def test_a_damaged_record_is_forgotten(make_run: MakeRun, provider: Path, content: str) -> None:
    first = prepared(run := make_run("first"))
    pretend_init(run, provider)
    first.keep(run)
    (record,) = (run.path.parent / "work" / "prepared").glob("*.json")
    record.write_text(content)
    second = make_run("second")
    assert not restored(second)
    assert not (second.path / ".terraform").exists()
    assert not record.exists()


def test_what_may_be_to_blame_is_forgotten(make_run: MakeRun, provider: Path) -> None:
    first = prepared(run := make_run("first"))
    pretend_init(run, provider)
    first.keep(run)
    first.forget()
    assert not restored(make_run("second"))


def test_what_a_killed_process_left_is_removed_in_time(make_run: MakeRun, provider: Path) -> None:
    folder = make_run("first").path.parent / "work" / "prepared"
    folder.mkdir(parents=True)
    for name, seconds in ((".draft-old", 0.0), (".draft-new", None)):
        (folder / name).write_text("{")
        if seconds is not None:
            os.utime(folder / name, (seconds, seconds))
    first = prepared(run := make_run("second"))
    pretend_init(run, provider)
    first.keep(run)
    assert [path.name for path in folder.glob(".draft-*")] == [".draft-new"]
