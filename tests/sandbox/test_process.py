"""The provider as a process: installing it, interrupting it, killing its parent, reattaching."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox.provider.install import (
    CODE_FOLDER,
    LOCATION_FILE,
    get_platform,
    install,
    write_location,
)
from tests.sandbox.conftest import Terraform
from tests.sandbox.examples import BUCKET_HCL
from tests.sandbox_cloud import ROOT, Cloud

EXECUTABLE = f"landform.local/landform/sandbox/0.1.0/{get_platform()}"


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def find_provider(terraform: subprocess.Popen[str]) -> psutil.Process:
    (provider,) = psutil.Process(terraform.pid).children()
    return provider


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def start_slow_creation(
    terraform: Terraform, cloud: Cloud
) -> tuple[subprocess.Popen[str], psutil.Process]:
    """Apply, and return once the cloud has recorded a resource that stays `creating`."""
    cloud.set_faults(create_delay_seconds=3600)
    terraform.write(BUCKET_HCL)
    running = terraform.start("apply", "-auto-approve", "-input=false")
    wait_for(lambda: bool(cloud.list()))
    return running, find_provider(running)


def test_the_provider_survives_sigint_until_terraform_ends_it(
    terraform: Terraform, cloud: Cloud
) -> None:
    running, provider = start_slow_creation(terraform, cloud)

    provider.send_signal(signal.SIGINT)
    time.sleep(0.5)

    assert is_running(provider)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=15)


def test_an_interrupted_creation_ends_at_once_and_is_tainted(
    terraform: Terraform, cloud: Cloud
) -> None:
    running, provider = start_slow_creation(terraform, cloud)

    os.killpg(running.pid, signal.SIGINT)
    text, _ = running.communicate(timeout=15)

    assert running.returncode == 1
    assert "Creation was interrupted" in text
    instance = terraform.state()["sandbox_bucket.b"]
    bucket = cloud.get_only("bucket")["id"]
    assert (instance["status"], instance["attributes"]["id"]) == ("tainted", bucket)
    wait_for(lambda: not is_running(provider))


def test_a_stop_is_heard_while_more_creations_wait_than_terraform_runs_at_once(
    terraform: Terraform, cloud: Cloud
) -> None:
    cloud.set_faults(create_delay_seconds=3600)
    terraform.write(
        'resource "sandbox_bucket" "b" {\n  count  = 20\n  name   = "bucket-${count.index}"\n'
        '  region = "eu-west"\n}'
    )
    running = terraform.start("apply", "-auto-approve", "-input=false", "-parallelism=20")
    wait_for(lambda: len(cloud.list()) == 20)

    running.send_signal(signal.SIGINT)
    running.communicate(timeout=15)

    state = json.loads((terraform.folder / "terraform.tfstate").read_text())
    instances = state["resources"][0]["instances"]
    assert [instance["status"] for instance in instances] == ["tainted"] * 20


def test_no_provider_outlives_a_killed_terraform(terraform: Terraform, cloud: Cloud) -> None:
    running, provider = start_slow_creation(terraform, cloud)

    running.kill()
    running.communicate()

    wait_for(lambda: not is_running(provider), seconds=8)


def test_the_provider_ends_on_sigterm_after_answering_running_calls(
    terraform: Terraform, cloud: Cloud
) -> None:
    running, provider = start_slow_creation(terraform, cloud)

    provider.terminate()
    running.communicate(timeout=15)

    assert running.returncode == 1
    assert terraform.state()["sandbox_bucket.b"]["status"] == "tainted"


@pytest.mark.parametrize("length", [30, 71, 78])
def test_the_provider_listens_where_it_is_told_as_deep_as_an_address_may_be(length: int) -> None:
    """A confined run may write nowhere else, and is told the deepest folder that still works."""
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        folder = Path(f"{root}/".ljust(length, "d"))
        folder.mkdir()
        environ = {**os.environ, "PLUGIN_UNIX_SOCKET_DIR": str(folder), "TMPDIR": "/nowhere"}
        command = [sys.executable, "-m", "sandbox.provider", "--reattach"]
        with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE) as provider:
            assert provider.stdout is not None
            (said,) = json.loads(provider.stdout.readline()).values()
            listening = Path(said["Addr"]["String"])
            assert listening.parent.parent == folder
            assert stat.S_IMODE(listening.parent.stat().st_mode) == 0o700, "nobody else may use it"
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(listening))
            provider.terminate()
        assert list(folder.iterdir()) == []


def test_the_provider_leaves_no_files_behind(
    terraform: Terraform, cloud: Cloud, tmp_path: Path
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    terraform.environ["TMPDIR"] = str(temporary)
    terraform.write(BUCKET_HCL)

    terraform.apply_ok()

    assert list(temporary.glob("sandbox-*")) == []
    assert not (terraform.folder / ".cache").exists()


def test_long_temporary_folders_and_foreign_python_files_do_not_disturb(
    terraform: Terraform, tmp_path: Path
) -> None:
    temporary = tmp_path / ("long" * 40)
    temporary.mkdir()
    (terraform.folder / "json.py").write_text("raise SystemExit('the wrong json')\n")
    foreign = {"TMPDIR": str(temporary), "PYTHONPATH": ".", "PYTHONHOME": "/nowhere"}
    terraform.environ |= foreign
    terraform.write(BUCKET_HCL)

    terraform.apply_ok()


def test_one_provider_process_serves_many_runs_by_reattaching(
    terraform: Terraform, cloud: Cloud
) -> None:
    settings = f'endpoint = "{cloud.endpoint}"\ntoken = "{cloud.token}"'
    terraform.write(BUCKET_HCL, settings)
    command = [sys.executable, "-m", "sandbox.provider", "--reattach"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as provider:
        try:
            assert provider.stdout is not None
            terraform.environ["TF_REATTACH_PROVIDERS"] = provider.stdout.readline().strip()
            terraform.apply_ok()
            cloud.call("DELETE", f"/resources/{cloud.get_only('bucket')['id']}")
            assert terraform.plan_changes() == {"sandbox_bucket.b": "create"}
            assert provider.poll() is None
        finally:
            provider.terminate()
        assert provider.wait(10) == 0


def test_a_person_who_starts_the_provider_is_told_what_it_is(mirror: Path) -> None:
    (executable,) = (mirror / EXECUTABLE).iterdir()

    started = subprocess.run(
        [executable], capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False
    )

    assert started.returncode == 1
    assert "This is a Terraform provider" in started.stderr


def test_installing_again_changes_nothing_and_repairs_what_is_broken(tmp_path: Path) -> None:
    executable = install(tmp_path)
    first = executable.stat()

    assert install(tmp_path) == executable
    assert executable.stat() == first
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o644)
    install(tmp_path)
    assert executable.stat().st_mode & 0o777 == 0o755
    assert "sandbox.provider" in executable.read_text()
    assert [path.name for path in (tmp_path / EXECUTABLE).iterdir()] == [executable.name]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "landform.local",
        CODE_FOLDER,
        LOCATION_FILE,
    ]


def test_processes_that_install_at_once_leave_one_whole_executable(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.provider.install", "--mirror", str(tmp_path)]
    installs = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]

    printed = {install.communicate(timeout=30)[0].strip() for install in installs}

    assert [install.returncode for install in installs] == [0, 0, 0]
    (executable,) = (mirror_file for mirror_file in (tmp_path / EXECUTABLE).iterdir())
    assert printed == {str(executable)}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "landform.local",
        CODE_FOLDER,
        LOCATION_FILE,
    ]


def test_the_wrapper_runs_from_paths_with_spaces_and_quotes(tmp_path: Path) -> None:
    root = tmp_path / 'it\'s a "root"'
    shutil.copytree(ROOT / "sandbox", root / "sandbox")
    mirror = tmp_path / 'the "mirror\'s"'
    executable = install(mirror)
    write_location(mirror, Path(sys.executable), root)
    (tmp_path / "a link").symlink_to(executable.parent)

    started = subprocess.run(
        [tmp_path / "a link" / executable.name, "--nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 2
    assert "usage: python -m sandbox.provider" in started.stderr


@pytest.mark.skipif(shutil.which("tofu") is None, reason="OpenTofu is not installed")
def test_opentofu_uses_the_same_provider(
    terraform: Terraform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANDFORM_TERRAFORM", "tofu")
    terraform.write(BUCKET_HCL)

    terraform.apply_ok()
