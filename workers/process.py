"""One process that the supervisor keeps running: started, watched, restarted, stopped.

Owns the process and its output. Each has a session of its own, so a Ctrl-C in the terminal reaches
the supervisor alone and never a Terraform in the middle of an apply.
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from app.errors import ConfigurationError, UnavailableError
from workers.child import Child, start_alone
from workers.refusal import PREFIX, REFUSED
from workers.terminal import Terminal

FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 15.0
# A process that ran for so long was healthy: its next crash is a first one again.
HEALTHY_SECONDS = 30.0
READ_BYTES = 65536

Start = Callable[[Sequence[str], Mapping[str, str], int], Child]
"""Starts a command with an environment and a descriptor for what it writes."""


@dataclass(frozen=True)
class Program:
    """What to run.

    Args:
        name: what a person calls it; each line of its output begins with it.
        command: the program and its arguments.
        environment: all of it.
        stop_rank: lower ranks are stopped first, one rank after the other.
        stop_seconds: how long it may take to stop.
        is_warm: it is ``PYTHON -m`` a module that the warm parent has loaded.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_rank: int
    stop_seconds: float = 10.0
    is_warm: bool = False


def run_to_end(
    command: Sequence[str],
    environment: Mapping[str, str],
    timeout_seconds: float,
    start: Start = start_alone,
) -> str:
    """Run a short command and return what it printed.

    Raises:
        ConfigurationError: it refused to work; the detail is what it said.
        UnavailableError: it failed; the detail is the last line it printed.
    """
    reading, writing = os.pipe()
    try:
        try:
            child = start(command, environment, writing)
        finally:
            os.close(writing)
        try:
            output = _read_to_end(reading, timeout_seconds)
        except (TimeoutError, KeyboardInterrupt):
            child.kill()
            raise
    except TimeoutError as error:
        raise UnavailableError(f"{command} did not end in {timeout_seconds:g} s.") from error
    finally:
        os.close(reading)
    status = child.wait()
    if status != 0:
        last = output.rpartition("\n")[2]
        if status == REFUSED and last.startswith(PREFIX):
            raise ConfigurationError(last.removeprefix(PREFIX))
        last = last or f"exit status {status}"
        raise UnavailableError(f"{' '.join(command)} failed: {last}")
    return output


def _read_to_end(reading: int, seconds: float) -> str:
    """Return all that is written, once nobody can write any more.

    Raises:
        TimeoutError: somebody still can after ``seconds``.
    """
    deadline, output = time.monotonic() + seconds, b""
    with selectors.DefaultSelector() as selector:
        selector.register(reading, selectors.EVENT_READ)
        while selector.select(max(0.0, deadline - time.monotonic())):
            read = os.read(reading, READ_BYTES)
            if not read:
                return output.decode("utf-8", errors="replace").strip()
            output += read
    raise TimeoutError


class Process:
    """The running form of a :class:`Program`."""

    def __init__(self, program: Program, terminal: Terminal) -> None:
        """Prepare; nothing runs before ``start``."""
        self.program = program
        self._terminal = terminal
        self._child: Child | None = None
        self._is_wanted = False
        self._crashes = 0
        self._started_at = 0.0
        self._restart_at = 0.0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.pid if self._child is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def seconds_to_restart(self) -> float | None:
        """How long until it has to be started again; None while that is not planned."""
        if self._restart_at <= self._started_at or not self._is_wanted:
            return None
        return max(0.0, self._restart_at - time.monotonic())

    def start(self) -> None:
        """Start the process; call from the main thread, whose death is the signal."""
        self._is_wanted = True
        self._started_at = time.monotonic()
        reading, writing = os.pipe()
        try:
            self._child = self._begin(writing)
        finally:
            os.close(writing)
        threading.Thread(target=self._relay, args=(reading,), daemon=True).start()

    def _begin(self, output: int) -> Child:
        return start_alone(self.program.command, self.program.environment, output)

    def watch(self) -> None:
        """Start the process again if it ended without being asked to, later after each crash."""
        if not self._is_wanted or self._child is None or self.is_running:
            return
        now = time.monotonic()
        if self._restart_at <= self._started_at:
            self._plan_restart(now, self._child.wait())
        elif now >= self._restart_at:
            self.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process alone: a worker lets its job finish."""
        self._is_wanted = False
        if self._child is not None:
            self._child.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and what it forked; Terraform ends itself when its parent is gone."""
        self._is_wanted = False
        if self._child is None or not self.is_running:
            return
        with suppress(psutil.NoSuchProcess):
            for forked in psutil.Process(self._child.pid).children():
                forked.kill()
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def _plan_restart(self, now: float, status: int) -> None:
        self._crashes = 0 if now - self._started_at >= HEALTHY_SECONDS else self._crashes
        delay = min(FIRST_DELAY_SECONDS * 2**self._crashes, MAX_DELAY_SECONDS)
        self._crashes += 1
        self._restart_at = now + delay
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        self._terminal.say(
            f"{self.program.name} ended by itself ({how}); starting it again in {delay:g} s"
        )

    def _relay(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as output:
            for line in output:
                text = line.decode("utf-8", errors="replace").rstrip("\r\n")
                self._terminal.show(self.program.name, text)
