"""A child process of the supervisor, however it was begun: asked, awaited, told to stop.

Also reaps orphans: the supervisor adopts what is forked for it (``workers.warm_start``), and with
it all that a process of Landform leaves behind, which stays a zombie until somebody asks.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from app.config.settings import REPOSITORY_ROOT

PARENT_DEATH = Path(__file__).with_name("parent_death.py")
CHILDREN_FILE = Path("/proc/self/task")

STARTING = threading.Lock()
"""Held from before a child exists until it is known, so that nobody takes it for an orphan."""

_known: set[int] = set()


class Child:
    """A process that this one has to wait for. Make it with ``STARTING`` held."""

    def __init__(self, pid: int, opened: subprocess.Popen[bytes] | None = None) -> None:
        """Know ``pid`` from now on; ``opened`` is told its end, since it does not wait itself."""
        self.pid = pid
        self.returncode: int | None = None
        self._opened = opened
        _known.add(pid)

    def poll(self) -> int | None:
        """Return how it ended, None while it runs; a signal is a negative number."""
        self._wait(os.WNOHANG)
        return self.returncode

    def wait(self) -> int:
        """Wait for its end and return how it ended."""
        self._wait(0)
        return self.returncode or 0

    def send_signal(self, number: int) -> None:
        """Send it a signal; does nothing once it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it and wait for its end."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def _wait(self, options: int) -> None:
        if self.returncode is not None:
            return
        try:
            pid, status = os.waitpid(self.pid, options)
        except ChildProcessError:  # somebody else has asked, so how it ended is not known
            pid, status = self.pid, 0
        if not pid:
            return
        self.returncode = os.waitstatus_to_exitcode(status)
        _known.discard(pid)
        if self._opened is not None:
            self._opened.returncode = self.returncode


def start_alone(
    command: Sequence[str],
    environment: Mapping[str, str],
    output: int,
    control: int = subprocess.DEVNULL,
) -> Child:
    """Start a command in a session of its own, which ends when this process ends.

    Args:
        command: the program and its arguments.
        environment: all of it.
        output: descriptor of what it writes to.
        control: descriptor of its standard input.
    """
    with STARTING:
        opened = subprocess.Popen(
            [sys.executable, "-I", "-S", str(PARENT_DEATH), str(os.getpid()), *command],
            cwd=REPOSITORY_ROOT,
            env=dict(environment),
            stdin=control,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return Child(opened.pid, opened)


def reap_orphans() -> None:
    """Take note of the end of every child that nobody waits for."""
    with STARTING, suppress(OSError):  # a kernel without this list has no orphans come here
        children = [
            int(pid)
            for task in CHILDREN_FILE.iterdir()
            for pid in (task / "children").read_text(encoding="ascii").split()
        ]
        for pid in set(children) - _known:
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
