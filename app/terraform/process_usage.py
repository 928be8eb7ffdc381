"""What a Terraform and the providers that it started take: memory at the peak, and CPU time.

Memory is what is a process's own (anonymous): mapped files, such as the executable of a provider of
600 MB, are shared and given back. It is looked at while Terraform runs, since the kernel keeps the
peak of each process but not of all together. CPU time is what the kernel sums up at the end.
"""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

PROC = Path("/proc")
LOOK_SECONDS = 0.5
MIB = 1024 * 1024
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MAX_PROCESSES = 256


class ProcessUsage:
    """Follows one process after another, and all that they start."""

    def __init__(self) -> None:
        """Begin with nothing taken."""
        self.peak_mib = 0
        self._pid: int | None = None
        self._looked_at = 0.0
        self._cpu_before = _children_seconds()

    def begin(self, pid: int) -> None:
        """Follow the process ``pid`` from now on."""
        self._pid, self._looked_at = pid, 0.0

    def poll(self) -> None:
        """Look if it is time."""
        if self._pid is None or time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        self.peak_mib = max(self.peak_mib, tree_mib(self._pid))

    def end(self) -> None:
        """Follow nothing any more."""
        self._pid = None

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all that was started since the beginning and has ended."""
        return _children_seconds() - self._cpu_before


def tree_mib(pid: int, proc: Path = PROC) -> int:
    """Return the memory of a process and all below it that is their own, in MiB.

    What has ended meanwhile, or cannot be read, counts nothing.
    """
    left, seen, pages = [pid], set[int](), 0
    while left and len(seen) < _MAX_PROCESSES:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        folder = proc / str(current)
        try:
            _, resident, shared, *_ = (folder / "statm").read_text(encoding="ascii").split()
            pages += int(resident) - int(shared)
            for task in (folder / "task").iterdir():
                left += map(int, (task / "children").read_text(encoding="ascii").split())
        except (OSError, ValueError):
            continue
    return max(pages, 0) * _PAGE_BYTES // MIB


def _children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
