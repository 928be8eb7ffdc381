"""Keeping processes running and stopping them in order, with real processes."""

from __future__ import annotations

import io
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from workers.process import Program
from workers.processes import Processes, StopRequests
from workers.terminal import Terminal

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
# Ends on SIGTERM after it wrote its name; `delay` stands for a job that is still running.
POLITE = """
import signal, sys, time
name, record, delay = sys.argv[1], sys.argv[2], float(sys.argv[3])
def end(*_):
    time.sleep(delay)
    open(record, "a").write(name + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(600)
"""
# Like an RQ worker: the first SIGTERM waits for the job, a later one gives up.
WORKER = """
import signal, sys, time
asked = []
def end(*_):
    asked.append(1)
    if len(asked) > 1:
        sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: time.sleep(0.05)
"""
# Both processes write to one pipe: a line must go out in one piece, or the two lines mix.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pid = os.fork() or os.getpid()
os.write(1, f"forked {pid}\\n".encode())
time.sleep(600)
"""


def make_program(name: str, code: str, *arguments: str, rank: int = 0) -> Program:
    command = (sys.executable, "-c", code, *arguments)
    return Program(name, command, dict(os.environ), stop_rank=rank, stop_seconds=1)


class Stage:
    """A processes, and what it printed."""

    def __init__(self) -> None:
        self.output = io.StringIO()
        self.requests = StopRequests()
        self.processes = Processes(Terminal(self.output), self.requests)

    def watch_until(self, holds: Callable[[], bool], seconds: float = 20) -> None:
        problem = self.processes.watch_until(lambda: "" if holds() else "not yet", seconds)
        assert not problem, self.output.getvalue()

    def count(self, text: str) -> int:
        return self.output.getvalue().count(text)


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    yield stage
    stage.processes.stop(patience_seconds=0, notice_seconds=0)


def test_a_process_that_crashes_is_started_again(stage: Stage) -> None:
    stage.processes.start([make_program("web", SLEEP)])
    stage.watch_until(lambda: stage.count("web") > 0)
    first = stage.processes.pids()["web"]
    assert first is not None
    os.kill(first, 9)
    stage.watch_until(lambda: stage.processes.pids()["web"] not in (None, first))
    assert stage.count("web ended by itself (signal 9); starting it again in 0.5 s") == 1


def test_a_process_that_keeps_crashing_is_started_less_and_less_often(stage: Stage) -> None:
    stage.processes.start([make_program("worker-1", "raise SystemExit(3)")])
    stage.watch_until(lambda: stage.count("(exit status 3); starting it again in 2 s") == 1)
    assert stage.count("starting it again in 0.5 s") == 1
    assert stage.count("starting it again in 1 s") == 1


def test_processes_are_stopped_rank_by_rank(stage: Stage, tmp_path: Path) -> None:
    record = tmp_path / "record"
    ranks = {"redis": 4, "web": 1, "worker-1": 0, "scheduler": 2}
    stage.processes.start(
        make_program(name, POLITE, name, str(record), "0.3", rank=rank)
        for name, rank in ranks.items()
    )
    stage.watch_until(lambda: stage.count("up") == len(ranks))
    stage.processes.stop(patience_seconds=10, notice_seconds=5)
    assert record.read_text().split() == ["worker-1", "web", "scheduler", "redis"]
    assert set(stage.processes.pids().values()) == {None}


def test_a_stop_waits_for_a_running_job_and_says_so(stage: Stage, tmp_path: Path) -> None:
    record = tmp_path / "record"
    stage.processes.start([make_program("worker-1", POLITE, "worker-1", str(record), "1.5")])
    stage.watch_until(lambda: stage.count("up") == 1)
    stage.processes.stop(patience_seconds=20, notice_seconds=0.3)
    assert record.read_text() == "worker-1\n"
    assert stage.count("waiting for a running apply to finish; press Ctrl-C again") == 1


def test_a_second_request_stops_a_busy_worker_at_once(stage: Stage) -> None:
    stage.processes.start([make_program("worker-1", WORKER)])
    stage.watch_until(lambda: stage.count("up") == 1)
    with stage.requests.listening():
        os.kill(os.getpid(), 2)
        started = time.monotonic()
        stop_soon(2)
        stage.processes.stop(patience_seconds=60, notice_seconds=0.1)
    assert time.monotonic() - started < 10
    assert stage.count("was killed") == 0


def stop_soon(signal_number: int) -> None:
    """Send the signal to this process in half a second, from a process of its own."""
    code = f"import os, time; time.sleep(0.5); os.kill({os.getpid()}, {signal_number})"
    os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", code])


def test_a_process_that_ignores_the_stop_is_killed_with_what_it_forked(stage: Stage) -> None:
    stage.processes.start([make_program("worker-1", STUBBORN), make_program("web", SLEEP, rank=1)])
    stage.watch_until(lambda: stage.count("forked") == 2)
    words = stage.output.getvalue().split()
    pids = [int(after) for word, after in itertools.pairwise(words) if word == "forked"]
    stage.processes.stop(patience_seconds=0.2, notice_seconds=0.1)
    assert stage.count("worker-1 did not stop in time and was killed") == 1
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], 5)
    assert not alive


def test_a_crash_during_the_stop_of_the_workers_is_mended(stage: Stage, tmp_path: Path) -> None:
    record = tmp_path / "record"
    stage.processes.start(
        [
            make_program("worker-1", POLITE, "worker-1", str(record), "3"),
            make_program("redis", SLEEP, rank=4),
        ]
    )
    stage.watch_until(lambda: stage.count("up") == 2)
    pid = stage.processes.pids()["redis"]
    assert pid is not None
    os.kill(pid, 9)
    stage.processes.stop(patience_seconds=20, notice_seconds=10)
    assert stage.count("redis ended by itself (signal 9); starting it again") == 1
    assert stage.count("redis    | up") == 2


def test_a_broken_terminal_does_not_stop_the_processes() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", buffering=1) as broken:
        terminal = Terminal(broken)
        terminal.say("nobody reads this")
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)


def test_lines_carry_the_name_of_their_process(stage: Stage) -> None:
    code = "import os; os.write(1, b'one\\r\\n\\xff two\\nthree'); import time; time.sleep(600)"
    stage.processes.start([make_program("scheduler", code)])
    stage.watch_until(lambda: stage.count("two") == 1)
    assert "scheduler | one\nscheduler | \ufffd two\n" in stage.output.getvalue()
