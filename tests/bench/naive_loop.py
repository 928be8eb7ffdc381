"""The naive way to look for drift, as people script it: for each stack a fresh directory, ``init``
and ``plan -refresh-only``, one after another on each core.
"""

from __future__ import annotations

import resource
import subprocess
import threading
import time
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from app.catalog.catalog import Catalog
from app.catalog.loader import load_catalog
from app.config.settings import REPOSITORY_ROOT
from app.domain import ids
from app.storage.run_directory import RunDirectories
from app.storage.run_files import RunFiles
from app.terraform.discovery import discover
from app.terraform.environment import build_environment, cli_config, write_cli_config
from tests.running import RunningLandform

DRIFTED = 2
LOOK_SECONDS = 0.5
"""Memory is not looked at more often: that takes processor time from what is measured."""


@dataclass(frozen=True)
class Watched:
    """A stack as the loop knows it: its variables and its state."""

    stack_id: str
    variables: dict[str, Any]
    state: bytes


@dataclass(frozen=True)
class Sweep:
    """What one pass over all stacks cost; memory is the highest of one check."""

    stacks: int
    drifted: frozenset[str]
    seconds: float
    cpu_seconds: float
    peak_mib: float

    @property
    def per_minute(self) -> float:
        return 60 * self.stacks / self.seconds

    @property
    def cpu_per_check(self) -> float:
        return self.cpu_seconds / self.stacks


def sweep_naively(
    landform: RunningLandform, folder: Path, stacks: Sequence[Watched], cores: int
) -> Sweep:
    """Check all ``stacks`` of machines with Terraform alone."""
    executable, catalog = str(discover("").path), load_catalog(REPOSITORY_ROOT / "terraform")
    bench = psutil.Process()
    watch = MemoryWatch(bench, beside=bench.children())
    with watch as memory, ThreadPoolExecutor(cores) as pool:
        before, started = cpu_of_children(), time.perf_counter()
        codes = list(
            pool.map(lambda item: _check(landform, folder, executable, catalog, item), stacks)
        )
        seconds, cpu = time.perf_counter() - started, cpu_of_children() - before
    drifted = {item.stack_id for item, code in zip(stacks, codes, strict=True) if code == DRIFTED}
    return Sweep(len(stacks), frozenset(drifted), seconds, cpu, memory.peak_mib)


def _check(
    landform: RunningLandform, folder: Path, executable: str, catalog: Catalog, stack: Watched
) -> int:
    cloud, module = catalog.cloud("sandbox"), catalog.kind("machine-group").module_dir("sandbox")
    run = RunDirectories(folder).of(ids.new_id(ids.OPERATION))
    run.prepare(
        RunFiles.of(module, cloud.provider_hcl, stack.variables, cloud.provider_lock, stack.state)
    )
    sources = cloud.provider_sources.values()
    write_cli_config(
        run.cli_config_path, cli_config(sources, landform.home / "sandbox" / "mirror", None)
    )
    sign_in = cloud.environment(
        {"endpoint": landform.cloud.endpoint, "token": landform.cloud.token}
    )
    environment = build_environment(run.home, run.temporary, run.cli_config_path, sign_in)
    code = 0
    for words in (["init"], ["plan", "-refresh-only", "-detailed-exitcode", "-lock=false"]):
        done = subprocess.run(
            [executable, *words, "-input=false"],
            cwd=run.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        code = done.returncode
        assert code in (0, DRIFTED), f"terraform {words[0]} ended with {code}"
    run.remove()
    return code


class MemoryWatch:
    """The most memory that one check held: the largest tree below a process that starts checks."""

    def __init__(self, *parents: psutil.Process, beside: Collection[psutil.Process] = ()) -> None:
        """Watch what ``parents`` have started, but not those ``beside``, which do other work."""
        self._parents, self._beside = parents, beside
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak_mib = 0.0

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._has_ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._has_ended.wait(LOOK_SECONDS):
            for parent in self._parents:
                try:
                    trees = [
                        _memory_of(child)
                        for child in parent.children()
                        if child not in self._beside
                    ]
                except psutil.Error:
                    continue
                self.peak_mib = max(self.peak_mib, *trees, 0.0)


def _memory_of(process: psutil.Process) -> float:
    """Return the unshared memory of a process and what it started, in MiB."""
    total = 0
    try:
        for member in (process, *process.children(recursive=True)):
            total += member.memory_full_info().uss
    except psutil.Error:
        return 0.0  # it ends just now
    return total / 2**20


def cpu_of_children() -> float:
    """Return the CPU seconds of all that this process has started and that has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
