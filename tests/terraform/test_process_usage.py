"""Memory of a tree of processes is counted, also of what its children start, and CPU at the end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.terraform.process_usage import ProcessUsage, tree_mib

EATS = """
import subprocess, sys
eaten = bytearray(80 * 1024 * 1024)
for at in range(0, len(eaten), 4096):
    eaten[at] = 1
if len(sys.argv) > 1:
    subprocess.run([sys.executable, "-c", sys.argv[1]], input=b"", stdout=1)
else:
    print("ready", flush=True)
    sys.stdin.read()
"""
WAITS = """
eaten = bytearray(80 * 1024 * 1024)
for at in range(0, len(eaten), 4096):
    eaten[at] = 1
print("ready", flush=True)
import time
time.sleep(600)
"""


@pytest.mark.parametrize(("arguments", "least"), [([], 80), ([WAITS], 160)])
def test_the_peak_of_all_processes_is_seen(arguments: list[str], least: int) -> None:
    usage = ProcessUsage()
    with subprocess.Popen(
        [sys.executable, "-c", EATS, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            usage.begin(process.pid)
            usage.poll()
        finally:
            os.killpg(process.pid, 9)
    assert least <= usage.peak_mib <= least + 100


def test_cpu_of_what_has_ended_counts() -> None:
    usage = ProcessUsage()
    assert usage.cpu_seconds == 0.0
    subprocess.run([sys.executable, "-S", "-c", "sum(range(3_000_000))"], check=True)
    assert usage.cpu_seconds > 0.0


def test_what_is_gone_or_unreadable_counts_nothing(tmp_path: Path) -> None:
    assert tree_mib(4_000_000) == 0
    (tmp_path / "7" / "task" / "7").mkdir(parents=True)
    (tmp_path / "7" / "statm").write_text("no numbers here\n")
    assert tree_mib(7, tmp_path) == 0


def test_processes_that_name_each_other_end_the_walk(tmp_path: Path) -> None:
    for pid, child in ((7, 8), (8, 7)):
        (tmp_path / str(pid) / "task" / str(pid)).mkdir(parents=True)
        (tmp_path / str(pid) / "statm").write_text("9999 512 256 0 0 0 0\n")
        (tmp_path / str(pid) / "task" / str(pid) / "children").write_text(f"{child} ")
    page = os.sysconf("SC_PAGE_SIZE")
    assert tree_mib(7, tmp_path) == 2 * 256 * page // (1024 * 1024)


def test_nothing_is_looked_at_before_the_beginning() -> None:
    usage = ProcessUsage()
    usage.poll()
    usage.begin(os.getpid())
    usage.poll()
    assert usage.peak_mib > 0
