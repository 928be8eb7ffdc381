"""How much memory this host has and has left, within the limits of its container."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/")
MIB = 1024 * 1024


@dataclass(frozen=True)
class HostMemory:
    """In MiB; ``available`` counts what the kernel would give back, such as cached files."""

    total: int
    available: int


def read_host_memory(root: Path = ROOT) -> HostMemory | None:
    """Return the memory of this host or, where that is less, of the container it runs in.

    A control group counts with all above it (cgroups(7)); both versions are read.

    Args:
        root: where ``proc`` and ``sys`` are.

    Returns:
        None where the kernel does not tell.
    """
    try:
        machine = _machine(root / "proc/meminfo")
        for folder in _groups(root):
            machine = _within(machine, folder)
    except (OSError, ValueError, KeyError):
        return None
    return machine


def _machine(file: Path) -> HostMemory:
    lines = file.read_text(encoding="ascii").splitlines()
    known = dict(line.split(":", 1) for line in lines)
    total, available = (int(known[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    return HostMemory(total // 1024, available // 1024)


def _groups(root: Path) -> list[Path]:
    """Return the folder of this process's memory group, and those above it that show."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    folders = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("memory" if controllers else "")
        own = top / path.lstrip("/")
        folders += [folder for folder in (own, *own.parents) if folder.is_relative_to(top)]
    return folders


def _within(known: HostMemory, folder: Path) -> HostMemory:
    """Return what is left of ``known`` within the limit of one group."""
    for limit, usage, cached in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        most = _number(folder / limit)
        used = _number(folder / usage)
        if most is None or used is None:
            continue
        free = max(most - used + _cached(folder / "memory.stat", cached), 0)
        total = min(known.total, most // MIB)
        return HostMemory(total, min(known.available, free // MIB, total))
    return known


def _number(file: Path) -> int | None:
    """Return what a file of the kernel says; None for no limit, or without the file."""
    try:
        text = file.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None


def _cached(file: Path, name: str) -> int:
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    found = [line.split()[1] for line in lines if line.startswith(f"{name} ")]
    return int(found[0]) if found else 0
