"""All processes of one Landform: started together, watched, and stopped in order.

Owns the order and the patience of a stop. What the processes are is in ``workers.programs``.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType

from workers.child import Child, reap_orphans, start_alone
from workers.process import Process, Program
from workers.terminal import Terminal
from workers.warm_start import ForkedProcess, WarmParent, adopt_orphans

POLL_SECONDS = 0.1
# A stop and the end of a process wake the supervisor; this is for what it may have missed.
IDLE_SECONDS = 30.0
COLD_SECONDS = 6.0
# RQ ignores a second SIGTERM that comes within a second of the first.
ASK_AGAIN_SECONDS = 1.5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequests:
    """Counts how often a person or the system asked to stop."""

    def __init__(self) -> None:
        self.count = 0
        self._interrupts = False
        self._wakes: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count signals instead of dying of them, and have each of them end a ``wait``."""
        before = {number: signal.signal(number, self._receive) for number in SIGNALS}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        self._wakes, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        before_wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before_wakeup)
            os.close(self._wakes)
            os.close(writing)
            self._wakes = None
            for number, handler in before.items():
                signal.signal(number, handler)

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until a signal; while nobody listens, ``POLL_SECONDS`` at most."""
        if self._wakes is None:
            time.sleep(min(seconds, POLL_SECONDS))
        elif select.select([self._wakes], [], [], seconds)[0]:
            os.read(self._wakes, 4096)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Let a request raise KeyboardInterrupt, around work that looks at no count."""
        self._interrupts = True
        try:
            yield
        finally:
            self._interrupts = False

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self._interrupts:
            raise KeyboardInterrupt


class Processes:
    """The processes of one Landform."""

    def __init__(self, terminal: Terminal, requests: StopRequests) -> None:
        """Print to ``terminal``; a second request cuts the patience of a stop short."""
        self._terminal = terminal
        self._requests = requests
        self._children: list[Process] = []
        self.warm_parent: WarmParent | None = None

    def start_warm_parent(self, program: Program) -> None:
        """Start what the warm programs will be forked from, where the kernel allows that."""
        if adopt_orphans(is_on=True):
            self.warm_parent = WarmParent(program, self._terminal)
            self._children.append(self.warm_parent)
            self.warm_parent.start()

    def find_warm_problem(self) -> str:
        """Return why programs would not be forked yet, empty when they are or never will be."""
        parent = self.warm_parent
        if parent is None or parent.is_ready or not parent.is_running:
            return ""
        return "it is being loaded"

    def start_once(self, command: Sequence[str], environment: Mapping[str, str], out: int) -> Child:
        """Start a command that is ``PYTHON -m`` a module of Landform and ends by itself."""
        forked = self.warm_parent and self.warm_parent.fork(command, environment, out)
        return forked or start_alone(command, environment, out)

    def start(self, programs: Iterable[Program]) -> None:
        """Start ``programs`` and keep them running from now on."""
        for program in programs:
            child = self._make(program)
            self._children.append(child)
            child.start()

    def _make(self, program: Program) -> Process:
        if program.is_warm and self.warm_parent is not None:
            return ForkedProcess(program, self._terminal, self.warm_parent)
        return Process(program, self._terminal)

    def watch(self, seconds: float = POLL_SECONDS) -> None:
        """Wait for so long, or until something happens, then restart what ended by itself."""
        planned = [child.seconds_to_restart for child in self._children]
        self._requests.wait(min([seconds, *(left for left in planned if left is not None)]))
        for child in self._children:
            child.watch()
        if self.warm_parent is not None:
            reap_orphans()

    def watch_until(
        self,
        find_problem: Callable[[], str],
        seconds: float,
        every_seconds: float = POLL_SECONDS,
    ) -> str:
        """Watch until there is no problem any more, for so long, or until asked to stop.

        Args:
            find_problem: says what is missing, empty when nothing is.
            seconds: how long to wait.
            every_seconds: how often to ask; each question may cost its process a line in the log.

        Returns:
            The last problem, empty when there is none.
        """
        deadline = time.monotonic() + seconds
        while (problem := find_problem()) and time.monotonic() < deadline:
            asked_at = time.monotonic()
            while not self._requests.count and time.monotonic() < asked_at + every_seconds:
                self.watch()
            if self._requests.count:
                break
        return problem

    def pids(self) -> dict[str, int | None]:
        """Return the process id of each running process, by name."""
        return {child.program.name: child.pid for child in self._children}

    def stop(self, patience_seconds: float, notice_seconds: float) -> None:
        """Stop everything, rank by rank; no process outlives this call.

        Args:
            patience_seconds: how long the first rank, the workers, may take to finish their jobs.
            notice_seconds: after so long, say what is waited for.
        """
        ranks = sorted({child.program.stop_rank for child in self._children})
        for rank in ranks:
            processes = [child for child in self._children if child.program.stop_rank == rank]
            if rank == ranks[0]:
                self._stop_workers(processes, patience_seconds, notice_seconds)
            else:
                self._ask(processes)
                self._wait(processes, max(child.program.stop_seconds for child in processes))
            self._kill(processes)
        if self.warm_parent is not None:
            adopt_orphans(is_on=False)

    def _stop_workers(self, workers: list[Process], patience: float, notice: float) -> None:
        asked_before = self._requests.count
        self._ask(workers)
        self._wait(workers, min(notice, patience), asked_before)
        if _running(workers) and self._requests.count == asked_before:
            self._terminal.say(
                "waiting for a running apply to finish; press Ctrl-C again to stop now "
                "(it will be recovered at the next start)"
            )
            self._wait(workers, patience - notice, asked_before)
        deadline = time.monotonic() + COLD_SECONDS
        while _running(workers) and time.monotonic() < deadline:
            self._ask(workers)
            self._wait(workers, ASK_AGAIN_SECONDS)

    def _ask(self, processes: list[Process]) -> None:
        for child in processes:
            child.ask_to_stop()

    def _wait(
        self, processes: list[Process], seconds: float, asked_before: int | None = None
    ) -> None:
        """Wait until ``processes`` ended, for so long, or until a person asks once more."""
        deadline = time.monotonic() + seconds
        while _running(processes) and time.monotonic() < deadline:
            if asked_before is not None and self._requests.count > asked_before:
                return
            self.watch()

    def _kill(self, processes: list[Process]) -> None:
        for child in _running(processes):
            self._terminal.say(f"{child.program.name} did not stop in time and was killed")
            child.kill()


def _running(processes: list[Process]) -> list[Process]:
    return [child for child in processes if child.is_running]
