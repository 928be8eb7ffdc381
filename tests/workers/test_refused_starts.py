"""A `make run` that cannot work ends with status 2 and one sentence, and starts nothing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.config.settings import REPOSITORY_ROOT
from tests.ports import free_port
from workers.preflight import hold_home


def start(home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "workers.supervisor"],
        cwd=REPOSITORY_ROOT,
        env=os.environ
        | {"LANDFORM_ENV": "demo", "LANDFORM_HOME": str(home)}
        | {"LANDFORM_PORT": str(free_port()), "LANDFORM_SANDBOX_PORT": str(free_port())}
        | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("landform: ")
    for word in words:
        assert word in line
    assert "starting" not in done.stdout


@pytest.mark.parametrize("variable", ["LANDFORM_PORT", "LANDFORM_SANDBOX_PORT"])
def test_a_port_in_use_is_named_with_its_variable(tmp_path: Path, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = start(tmp_path / "home", **{variable: port})
    assert_refused(done, f"Port {port} is in use", f"set {variable}")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LANDFORM_PORT", "eighty"),
        # Judged by the same line as the port that is no number.
        *(
            pytest.param(*case, marks=pytest.mark.thorough)
            for case in (
                ("LANDFORM_PORT", "70000"),
                ("LANDFORM_WORKERS", "0"),
                ("LANDFORM_ENV", "staging"),
            )
        ),
        ("LANDFORM_REDIS_URL", "redis://127.0.0.1:1/0"),
        ("LANDFORM_TERRAFORM", "/nowhere/terraform"),
        ("LANDFORM_HOST", "192.0.2.1"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(tmp_path: Path, variable: str, value: str) -> None:
    assert_refused(start(tmp_path / "home", **{variable: value}), variable)


def test_production_without_a_secret_is_refused(tmp_path: Path) -> None:
    done = start(tmp_path / "home", LANDFORM_ENV="production")
    assert_refused(done, "LANDFORM_SECRET_KEY is missing or weak")


@pytest.mark.parametrize("variable", ["HOME", "STATE_ROOT", "WORK_ROOT"])
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, variable: str) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()
    done = start(tmp_path / "home", **{f"LANDFORM_{variable}": str(blocked / "folder")})
    assert_refused(done, f"LANDFORM_{variable}: cannot use")


def test_a_home_in_use_is_named_with_the_process_that_uses_it(tmp_path: Path) -> None:
    with hold_home(tmp_path):
        assert_refused(start(tmp_path), "already runs", f"(process {os.getpid()})")
