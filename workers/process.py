"""One process that the supervisor keeps running: started, watched, restarted, stopped.

Owns the process and its output. It is the only place of ``workers`` that starts processes. Each
child has a session of its own, so a Ctrl-C in the terminal reaches the supervisor alone and never
a Terraform in the middle of an apply.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from app.config.settings import REPOSITORY_ROOT
from app.errors import ConfigurationError, UnavailableError
from workers.refusal import PREFIX, REFUSED
from workers.terminal import Terminal

PARENT_DEATH = Path(__file__).with_name("parent_death.py")
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 15.0
# A process that ran for so long was healthy: its next crash is a first one again.
HEALTHY_SECONDS = 30.0


@dataclass(frozen=True)
class Program:
    """What to run. ``stop_rank``: lower ranks are stopped first, one rank after the other."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    stop_rank: int
    stop_seconds: float = 10.0


def run_to_end(command: list[str], environment: Mapping[str, str], timeout_seconds: float) -> str:
    """Run a short command and return what it printed.

    Raises:
        ConfigurationError: it refused to work; the detail is what it said.
        UnavailableError: it failed; the detail is the last line it printed.
    """
    try:
        done = subprocess.run(
            command,
            cwd=REPOSITORY_ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{command} did not end in {timeout_seconds:g} s.") from error
    output = done.stdout.decode("utf-8", errors="replace").strip()
    if done.returncode != 0:
        last = output.rpartition("\n")[2]
        if done.returncode == REFUSED and last.startswith(PREFIX):
            raise ConfigurationError(last.removeprefix(PREFIX))
        last = last or f"exit status {done.returncode}"
        raise UnavailableError(f"{' '.join(command)} failed: {last}")
    return output


class Process:
    """The running form of a :class:`Program`."""

    def __init__(self, program: Program, terminal: Terminal) -> None:
        """Prepare; nothing runs before ``start``."""
        self.program = program
        self._terminal = terminal
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = False
        self._crashes = 0
        self._started_at = 0.0
        self._restart_at = 0.0

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; call from the main thread, whose death is the signal."""
        self._is_wanted = True
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-S",
                str(PARENT_DEATH),
                str(os.getpid()),
                *self.program.command,
            ],
            cwd=REPOSITORY_ROOT,
            env=dict(self.program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._relay, args=(self._process.stdout,), daemon=True).start()

    def watch(self) -> None:
        """Start the process again if it ended without being asked to, later after each crash."""
        if not self._is_wanted or self._process is None or self.is_running:
            return
        now = time.monotonic()
        if self._restart_at <= self._started_at:
            self._plan_restart(now, self._process.returncode)
        elif now >= self._restart_at:
            self.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process alone: a worker lets its job finish."""
        self._is_wanted = False
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)  # does nothing once it has ended

    def kill(self) -> None:
        """End the process and what it forked; Terraform ends itself when its parent is gone."""
        self._is_wanted = False
        if self._process is None or not self.is_running:
            return
        with suppress(psutil.NoSuchProcess):
            for forked in psutil.Process(self._process.pid).children():
                forked.kill()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _plan_restart(self, now: float, status: int) -> None:
        self._crashes = 0 if now - self._started_at >= HEALTHY_SECONDS else self._crashes
        delay = min(FIRST_DELAY_SECONDS * 2**self._crashes, MAX_DELAY_SECONDS)
        self._crashes += 1
        self._restart_at = now + delay
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        self._terminal.say(
            f"{self.program.name} ended by itself ({how}); starting it again in {delay:g} s"
        )

    def _relay(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                text = line.decode("utf-8", errors="replace").rstrip("\r\n")
                self._terminal.show(self.program.name, text)
