"""Which processes belong to an operation, found by the run directory that they work in.

Independent of what Landform has recorded: a Terraform that no row knows of is seen all the same.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from app.models import Operation
from tests.campaign.findings import Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.trial import Ground

SAMPLES_A_SECOND = 20
PROVIDER_WORDS = (b"sandbox.provider", b"terraform-provider")
LOCKED_AFTER_SECONDS = 0.5


@dataclass(frozen=True)
class Found:
    """A process in a run directory."""

    pid: int
    operation_id: str
    is_provider: bool
    parent: int = 0


def find_in_runs(folders: Sequence[Path]) -> Iterator[Found]:
    """Yield every process whose working directory is a run directory in one of ``folders``."""
    prefixes = tuple(f"{folder}/" for folder in folders)
    for name in os.listdir("/proc"):  # noqa: PTH208  twenty times a second
        if not name.isdigit():
            continue
        with suppress(OSError):
            folder = os.readlink(f"/proc/{name}/cwd")  # noqa: PTH115
            if folder.startswith(prefixes):
                command = Path(f"/proc/{name}/cmdline").read_bytes()
                operation_id = Path(folder.removesuffix(" (deleted)")).name
                is_provider = any(word in command for word in PROVIDER_WORDS)
                parent = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1]
                yield Found(int(name), operation_id, is_provider, int(parent))


def find_of(folders: Sequence[Path], operation_id: str) -> list[Found]:
    """Return the processes that work on one operation, Terraform first."""
    found = [item for item in find_in_runs(folders) if item.operation_id == operation_id]
    return sorted(found, key=lambda item: item.is_provider)


class Watch(GuardedThread):
    """Looks twenty times a second whether two Terraforms ever work on one stack."""

    def __init__(self, trial: Ground, tally: Tally) -> None:
        super().__init__("watch", tally)
        self._trial = trial
        self._stacks: dict[str, str] = {}
        self._told: set[frozenset[int]] = set()
        self._since: dict[int, float] = {}
        self.samples = self.most_at_once = self.without_lock = 0

    def work(self) -> None:
        while not self._stop_asked.wait(1 / SAMPLES_A_SECOND):
            self.sample()

    def stop(self) -> None:
        super().stop()
        self._tally.fact("samples of the process table", self.samples)
        self._tally.fact("most Terraforms at once", self.most_at_once)

    def sample(self) -> None:
        """Look once."""
        self.samples += 1
        by_stack: dict[str, set[tuple[int, str]]] = defaultdict(set)
        found = list(find_in_runs(self._trial.run_folders))
        pids = {item.pid for item in found}
        # A child that has not become another program yet looks like its parent.
        terraforms = [item for item in found if not item.is_provider and item.parent not in pids]
        for item in terraforms:
            by_stack[self._stack_of(item.operation_id)].add((item.pid, item.operation_id))
        self.most_at_once = max(self.most_at_once, len(terraforms))
        for stack_id, at_work in by_stack.items():
            group = frozenset(pid for pid, _ in at_work)
            if len(group) > 1 and group not in self._told:
                self._told.add(group)
                commands = {pid: _command(pid) for pid in group}
                self._tally.problem(Promise.OVERLAP, f"{stack_id}: {sorted(at_work)} {commands}")
        self._look_at_locks(by_stack)

    def _look_at_locks(self, by_stack: dict[str, set[tuple[int, str]]]) -> None:
        """Every Terraform that has run for a moment must have the lock of its stack."""
        now = time.monotonic()
        pids = {pid for found in by_stack.values() for pid, _ in found}
        self._since = {pid: self._since.get(pid, now) for pid in pids}
        if self.samples % SAMPLES_A_SECOND:
            return
        for stack_id, found in by_stack.items():
            for pid, operation_id in found:
                is_new = now - self._since[pid] < LOCKED_AFTER_SECONDS
                if is_new or not stack_id or holds_lock(pid, self._lock_of(stack_id)):
                    continue
                if Path(f"/proc/{pid}/cwd").exists():
                    self._tally.problem(
                        Promise.OVERLAP, f"{operation_id}: Terraform {pid} runs without the lock"
                    )

    def _lock_of(self, stack_id: str) -> Path:
        return self._trial.ctx.settings.state_dir / "stacks" / stack_id / "writer.lock"

    def _stack_of(self, operation_id: str) -> str:
        if operation_id not in self._stacks:
            query = select(Operation.stack_id).where(Operation.id == operation_id)
            stack_id = self._trial.look(lambda session: session.scalar(query))
            self._stacks[operation_id] = stack_id or ""
        return self._stacks[operation_id]


def holds_lock(pid: int, path: Path) -> bool:
    """Tell whether a process has the flock(2) of a file (proc(5), fdinfo).

    What it has inherited counts: ``/proc/locks`` hides that from other PID namespaces once the
    process that took the lock is dead.
    """
    inode = str(path.stat().st_ino) if path.exists() else ""
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/fdinfo").iterdir():
            with suppress(OSError):
                lines = file.read_text().splitlines()
                fields = [line.split() for line in lines if line.startswith("lock:")]
                if any("FLOCK" in words and words[6].endswith(f":{inode}") for words in fields):
                    return True
    return False


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "gone"
