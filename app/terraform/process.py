"""Runs one Terraform process from start to end, and never leaves anything of it behind.

Owns signals, deadlines and the clean-up of the process group. It knows nothing of subcommands or
of what the lines mean. Three rules, each from a measurement (``docs``, facts):

* Output goes straight to files, never through a pipe: if the worker dies, a broken pipe would
  kill Terraform in the middle of an apply.
* To stop it: SIGINT to Terraform alone (it stops its providers itself and writes the state), a
  grace period, then SIGKILL to the group. SIGTERM is ignored at an input prompt.
* The thread that forks is the thread that waits, because PR_SET_PDEATHSIG follows the thread.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import TracebackType

from app.terraform.identity import ProcessIdentity
from app.terraform.tail import LineTail
from app.terraform.terraform_errors import TerraformError

POLL_SECONDS = 0.1
FIRST_POLL_SECONDS = 0.01


class StopReason(StrEnum):
    """Why Landform stopped a Terraform that had not ended by itself."""

    CANCELED = "canceled"
    DEADLINE = "deadline"


@dataclass(frozen=True)
class ProcessHooks:
    """What the caller wants to know while Terraform runs; all run in the caller's thread.

    An exception in any of them stops Terraform gracefully and then goes on to the caller; one
    that has ``grace_seconds`` says how long Terraform may take for that.
    ``on_cut_line`` gets the beginning of a line that is too long to be read.
    ``should_kill`` is asked when the grace period is over; past the deadline it is not asked.
    ``pause`` waits for so many seconds at most between two looks.
    """

    on_start: Callable[[ProcessIdentity], None] = lambda identity: None
    on_line: Callable[[str], None] = lambda line: None
    on_cut_line: Callable[[str], None] = lambda head: None
    on_poll: Callable[[], None] = lambda: None
    should_stop: Callable[[], bool] = lambda: False
    should_kill: Callable[[], bool] = lambda: True
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class ProcessSpec:
    """One run; ``command`` comes from ``TerraformBinary.command``.

    Output is appended to ``stdout_path`` and ``stderr_path`` (made with mode 0600).
    ``inherited`` are descriptors that stay open in Terraform and its providers, such as a lock.
    """

    command: Sequence[str]
    directory: Path
    environment: Mapping[str, str]
    stdout_path: Path
    stderr_path: Path
    deadline_seconds: float
    grace_seconds: float
    inherited: tuple[int, ...] = ()


@dataclass(frozen=True)
class ProcessResult:
    """How a run ended. ``exit_code`` is negative when a signal ended it (-9: SIGKILL).

    ``was_killed`` says that the grace period was not enough. ``skipped_lines`` were too long.
    """

    exit_code: int
    stop_reason: StopReason | None
    was_killed: bool
    skipped_lines: int


def run_process(spec: ProcessSpec, hooks: ProcessHooks) -> ProcessResult:
    """Run ``spec`` to its end in the calling thread.

    Raises:
        TerraformError: the process could not be started.
        Whatever a hook raises, after Terraform has been stopped gracefully.
    """
    with ExitStack() as stack:
        stdout, stderr = _open_outputs(spec, stack)
        tail = LineTail(spec.stdout_path, os.fstat(stdout).st_size, hooks.on_cut_line)
        stack.callback(tail.close)
        running = _Running(_start(spec, stdout, stderr), spec, hooks.pause)
        stack.push(running.end)
        hooks.on_start(ProcessIdentity.of(running.pid))
        running.follow(tail, hooks)
        for line in tail.read_rest():
            hooks.on_line(line)
        hooks.on_poll()
        return running.result(tail)


class _Running:
    """A started process until it is reaped."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        spec: ProcessSpec,
        pause: Callable[[float], None],
    ) -> None:
        self._process = process
        self._spec = spec
        self._pause = pause
        self._started = time.monotonic()
        self._interrupted_at: float | None = None
        self._stop_reason: StopReason | None = None
        self._was_killed = False
        self._grace_seconds = spec.grace_seconds
        self.pid = process.pid

    def follow(self, tail: LineTail, hooks: ProcessHooks) -> None:
        """Serve the hooks until the process has exited."""
        pause = FIRST_POLL_SECONDS
        while not self._has_exited():
            for line in tail.read_turn():
                hooks.on_line(line)
            hooks.on_poll()
            self._enforce(hooks)
            self._pause(pause)
            pause = min(POLL_SECONDS, pause * 2)
        self._reap()

    def end(
        self,
        _type: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop what still runs, gracefully first; always reaps. Nothing to do after ``follow``."""
        self._grace_seconds = getattr(error, "grace_seconds", self._grace_seconds)
        try:
            while not self._has_exited():
                self._stop(may_kill=True)
                self._pause(POLL_SECONDS)
        finally:
            self._reap()

    def result(self, tail: LineTail) -> ProcessResult:
        """Describe the end; valid once reaped."""
        return ProcessResult(
            exit_code=self._process.wait(),
            stop_reason=self._stop_reason,
            was_killed=self._was_killed,
            skipped_lines=tail.skipped_lines,
        )

    def _enforce(self, hooks: ProcessHooks) -> None:
        is_late = time.monotonic() - self._started >= self._spec.deadline_seconds
        if self._stop_reason is None:
            if hooks.should_stop():
                self._stop_reason = StopReason.CANCELED
            elif is_late:
                self._stop_reason = StopReason.DEADLINE
        if self._stop_reason is not None:
            self._stop(may_kill=is_late or hooks.should_kill())

    def _stop(self, *, may_kill: bool) -> None:
        """Interrupt once (at a second SIGINT Terraform gives up its state), later kill."""
        now = time.monotonic()
        if self._interrupted_at is None:
            self._interrupted_at = now
            os.kill(self._process.pid, signal.SIGINT)
        elif may_kill and now - self._interrupted_at >= self._grace_seconds:
            self._was_killed = True
            os.killpg(self._process.pid, signal.SIGKILL)

    def _has_exited(self) -> bool:
        if self._process.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, flags) is not None

    def _reap(self) -> None:
        """Kill what is left of the group (providers outlive a killed Terraform), then reap.

        In this order, because the unreaped leader keeps its pid and group id from being reused.
        """
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _open_outputs(spec: ProcessSpec, stack: ExitStack) -> tuple[int, int]:
    descriptors = []
    for path in (spec.stdout_path, spec.stderr_path):
        try:
            # Not through a link that an earlier step of the run may have left.
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o600)
        except OSError as error:
            raise TerraformError(f"Terraform's output cannot be written: {error}.") from error
        stack.callback(os.close, descriptor)
        descriptors.append(descriptor)
    return descriptors[0], descriptors[1]


def _start(spec: ProcessSpec, stdout: int, stderr: int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            spec.command,
            cwd=spec.directory,
            env=dict(spec.environment),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=spec.inherited,
        )
    except OSError as error:
        raise TerraformError(f"Terraform could not be started: {error}.") from error
