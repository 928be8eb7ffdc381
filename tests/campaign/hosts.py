"""A host of a fleet: processes in namespaces of their own, with an address, a name and a disk.

It is started as operators start it, and can be killed, cut off, paused, filled up, drained and
stopped.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from app.config.settings import REPOSITORY_ROOT
from app.tree_removal import discard_tree
from tests.campaign import lab
from tests.campaign.clocks import Clock

START_SECONDS = 300.0
STOP_SECONDS = 150.0
PORT = 8080
DISK_MEBIBYTES = 256
BLOCK = bytes(1 << 20)
SPACES = ("--net", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL")
BEGIN = """hostname "$1"; shift
ip link set lo up
until ip -4 address show eth0 2>/dev/null | grep -q inet; do sleep 0.05; done
"$@"; exit $?
"""


class Host:
    """One host, which keeps its home and its disk from start to start."""

    def __init__(
        self,
        number: int,
        roles: str,
        folder: Path,
        variables: Mapping[str, str],
        clock_library: Path | None = None,
    ) -> None:
        """Make its disk and, with a library for it, its clock; nothing is started yet."""
        self.name = f"host-{number}"
        self.clock = Clock(clock_library, folder / f"{self.name}.clock") if clock_library else None
        self.address = f"{lab.NETWORK}.{10 + number}"
        self.url = f"http://{self.address}:{PORT}"
        self.home = folder / self.name
        self.work = self.home / "work"
        self.output = folder / f"{self.name}.log"
        self._roles = roles
        self._environment = {
            **os.environ,
            **variables,
            **(self.clock.variables if self.clock else {}),
            "LANDFORM_HOME": str(self.home),
            "LANDFORM_WORK_ROOT": str(self.work),
            "LANDFORM_HOST": self.address,
            "LANDFORM_PORT": str(PORT),
        }
        self._cables = (f"h{number}s{start}" for start in itertools.count(1))
        self._cable = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._starts_at = 0
        lab.mount_disk(self.work, DISK_MEBIBYTES)

    def start(self) -> None:
        """Start it and plug it in; it takes a while until it is ready."""
        command = [sys.executable, "-m", "app.cli", "admin", "start", "--roles", self._roles]
        begin = ["unshare", *SPACES, "--", "sh", "-c", BEGIN, "host", self.name, *command]
        with self.output.open("ab") as output:
            self._starts_at = output.tell()
            self._process = subprocess.Popen(
                begin,
                cwd=REPOSITORY_ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._cable = next(self._cables)
        lab.plug_in(self._find_first().pid, self._cable, self.address)

    def is_ready(self) -> bool:
        """Tell whether it has said that it is ready since its last start.

        Raises:
            RuntimeError: it has ended instead.
        """
        told = self.output.read_bytes()[self._starts_at :].decode(errors="replace")
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended while starting: {told[-1500:]}")
        return "Landform is ready." in told

    def wait_until_ready(self) -> None:
        """Wait until it has said so.

        Raises:
            RuntimeError: it ended, or took too long.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} was not ready within {START_SECONDS:g} s")
            time.sleep(0.1)

    def kill(self) -> None:
        """End everything of it as a power cut does: not even the network tells anybody."""
        self.cut()
        self._find_first().kill()  # the first process of a PID namespace takes all with it
        assert self._process is not None
        self._process.wait(60)

    def cut(self) -> None:
        lab.set_cable(self._cable, is_up=False)

    def heal(self) -> None:
        lab.set_cable(self._cable, is_up=True)

    def pause(self) -> None:
        """Stop every process of it; what is forked meanwhile is stopped, too."""
        stopped: set[int] = set()
        while fresh := [item for item in self.processes() if item.pid not in stopped]:
            for item in fresh:
                _signal(item, signal.SIGSTOP)
                stopped.add(item.pid)

    def go_on(self) -> None:
        for item in self.processes():
            _signal(item, signal.SIGCONT)

    def fill_disk(self) -> None:
        """Leave no room at all on the disk of its run directories."""
        with suppress(OSError), self._filler.open("wb", buffering=0) as file:
            while file.write(BLOCK):
                pass

    def free_disk(self) -> None:
        self._filler.unlink(missing_ok=True)

    def drain(self, patience_seconds: float) -> None:
        """Do what an operator does before a stop.

        Raises:
            RuntimeError: it still runs something after that time.
        """
        first, folder = self._find_first().pid, f"--wd={REPOSITORY_ROOT}"
        within = ("nsenter", "--target", str(first), "--all", folder, "--")
        command = (sys.executable, "-m", "app.cli", "admin", "drain", "--wait")
        done = subprocess.run(
            [*within, *command, str(patience_seconds)],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=patience_seconds + 120,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{self.name} cannot be drained: {done.stderr or done.stdout}")

    def stop(self) -> None:
        """Stop it as systemd does, and wait for its end.

        Raises:
            RuntimeError: it did not end by itself.
        """
        assert self._process is not None
        for supervisor in self._find_first().children():
            _signal(supervisor, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{self.name} did not stop within {STOP_SECONDS:g} s") from None

    def processes(self) -> list[psutil.Process]:
        """Return every process of it."""
        if self._process is None or self._process.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def find(self, inner_pid: int) -> int | None:
        """Return the pid by which we know the process that the host knows by ``inner_pid``."""
        for item in self.processes():
            with suppress(OSError, StopIteration):
                status = Path(f"/proc/{item.pid}/status").read_text().splitlines()
                pids = next(line for line in status if line.startswith("NSpid:")).split()
                if int(pids[-1]) == inner_pid:
                    return item.pid
        return None

    def forget_disk(self) -> None:
        """Have the disk of its run directories be lost."""
        for path in self.work.iterdir():
            discard_tree(path) if path.is_dir() else path.unlink()

    def log_lines(self) -> Iterator[dict[str, Any]]:
        """Yield the structured log lines of all its processes so far."""
        for line in self.output.read_text(errors="replace").splitlines():
            part = line.partition(" | ")[2]
            with suppress(ValueError):
                if part.startswith("{"):
                    yield json.loads(part)

    @property
    def _filler(self) -> Path:
        return self.work / "filler"

    def _find_first(self) -> psutil.Process:
        """Return the first process of its namespaces."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while True:
            children = psutil.Process(self._process.pid).children()
            if children:
                return children[0]
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError(f"{self.name} has no process")
            time.sleep(0.02)


def _signal(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
