"""The life of `make run` seen from outside: Ctrl-C, a killed supervisor, two copies, deep homes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

from app.config.settings import REPOSITORY_ROOT
from tests.ports import free_port
from tests.running import redis_url_of

SCRIPT = Path(__file__).with_name("stand_in_supervisor.py")


class Running:
    """A supervisor in a process group of its own, as a terminal would have it."""

    def __init__(self, home: Path, pid_file: Path, job_seconds: float = 0) -> None:
        self.home = home
        self.port, self.sandbox_port = free_port(), free_port()
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(pid_file), str(job_seconds)],
            cwd=REPOSITORY_ROOT,
            env=os.environ
            | {
                "PYTHONPATH": str(REPOSITORY_ROOT),
                "LANDFORM_ENV": "demo",
                "LANDFORM_HOME": str(home),
                "LANDFORM_PORT": str(self.port),
                "LANDFORM_SANDBOX_PORT": str(self.sandbox_port),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.wait_for("READY \n")
        self.processes = [psutil.Process(pid) for pid in json.loads(pid_file.read_text()).values()]

    def wait_for(self, wanted: str) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if wanted in line:
                return
        raise AssertionError(f"no {wanted!r} in: {''.join(self.lines)}")

    def read_rest(self) -> str:
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        self.process.wait(30)
        return "".join(self.lines)

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process.wait(30)
        psutil.wait_procs(self.processes, 30)


class Launcher:
    """Starts supervisors and ends those that a test left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Running] = []

    def start(self, home: Path, job_seconds: float = 0) -> Running:
        running = Running(home, self.folder / f"pids-{len(self.started)}", job_seconds)
        self.started.append(running)
        return running


@pytest.fixture
def launcher(tmp_path: Path) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path)
    yield launcher
    for running in launcher.started:
        running.end()


def test_ctrl_c_reaches_no_child_and_lets_the_job_finish(
    launcher: Launcher, tmp_path: Path
) -> None:
    running = launcher.start(tmp_path / "home", job_seconds=1)
    running.press_ctrl_c()
    output = running.read_rest()
    assert running.process.returncode == 0
    assert "worker-1  | finished" in output
    assert "INTERRUPTED" not in output
    assert psutil.wait_procs(running.processes, 1)[1] == []


def test_redis_comes_back_after_a_crash_with_what_it_held(
    launcher: Launcher, tmp_path: Path
) -> None:
    running = launcher.start(tmp_path / "home")
    with Redis.from_url(
        redis_url_of(running.home), retry=Retry(ConstantBackoff(0.1), 100)
    ) as client:
        client.set("kept", "yes")
        first = client.info("server")["process_id"]
        os.kill(first, signal.SIGKILL)
        running.wait_for("redis ended by itself (signal 9); starting it again")
        assert client.get("kept") == b"yes"
        assert client.info("server")["process_id"] != first


def test_a_killed_supervisor_leaves_nothing_behind_and_the_next_start_works(
    launcher: Launcher, tmp_path: Path
) -> None:
    first = launcher.start(tmp_path / "home")
    first.process.kill()
    assert psutil.wait_procs(first.processes, 20)[1] == []
    second = launcher.start(tmp_path / "home")
    second.press_ctrl_c()
    second.read_rest()
    assert second.process.returncode == 0


def test_two_copies_run_side_by_side(launcher: Launcher, tmp_path: Path) -> None:
    first, second = launcher.start(tmp_path / "one"), launcher.start(tmp_path / "two")
    first.press_ctrl_c()
    first.read_rest()
    with Redis.from_url(redis_url_of(second.home)) as client:
        assert client.ping()


def test_a_home_too_deep_for_a_socket_works(launcher: Launcher, tmp_path: Path) -> None:
    deep = tmp_path / ("a home with spaces " * 5).strip() / ("d" * 60)
    running = launcher.start(deep)
    assert list((deep / "redis").glob("appendonly*"))
    running.press_ctrl_c()
    running.read_rest()
    assert running.process.returncode == 0
