"""Sudden ends at exact points: before and after commit, claim, snapshot, rename, fsync and so on.

Runs beside the campaign on a Landform of its own without processes: each operation is carried out
in a subprocess that ends at its point, then recovered as the maintenance loop would, sometimes with
a crash of that as well. The same promises are checked.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from app.config.settings import REPOSITORY_ROOT, Settings
from app.domain.interruptions import Resolution
from app.domain.operations import OperationStatus, OperationType
from app.models import Operation, Stack
from app.services.engine.recovery.orphan_search import search_orphans
from app.services.operations.control import approve
from app.services.operations.resolve import Decision, resolve
from app.services.stacks.change import StackChange, change_stack
from app.services.work import perform
from tests.campaign.crash_once import COMMIT, CRASHED, POINTS, keep
from tests.campaign.findings import Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.invariants import StackChecks
from tests.campaign.processes import find_of
from tests.campaign.slots import GOOD
from tests.campaign.trial import Ground
from tests.landform import ADMIN, Landform

BOUND_SECONDS = 90.0
PROCESS_SECONDS = 600.0
"""Where the machine is busy a process takes a minute to start; it is not judged by its time."""
KEEPER_CRASH_SHARE = 0.4
# How often a point is surely passed by one operation; a later passage may not come.
PASSES = {COMMIT: 16, "fsync": 12, "rename": 5, "promote": 2, "start": 3}
KEEPER_POINTS = (COMMIT, "promote", "rename", "fsync", "remove", "enqueue")


class Point(NamedTuple):
    """Where a process is to end."""

    name: str
    when: str


def deck(names: Sequence[str], random: Random) -> Iterator[Point]:
    """Deal each point, before and after, once in a random order, again and again."""
    while True:
        cards = [Point(name, when) for name in names for when in ("before", "after")]
        random.shuffle(cards)
        yield from cards


class CrashPoints(GuardedThread):
    """Crashes one operation after the other until asked to stop."""

    def __init__(self, seed: int, landform: Landform, tally: Tally) -> None:
        super().__init__("crash-points", tally)
        self._random = Random(f"{seed}-crash-points")
        self._landform = landform
        self._ground = Ground(landform.ctx, landform.cloud)
        self._numbers = iter(range(1, 10**6))
        self._worker_points = deck([COMMIT, *POINTS], self._random)
        self._keeper_points = deck(KEEPER_POINTS, self._random)
        self.crashed: Counter[str] = Counter()

    def work(self) -> None:
        while not self._stop_asked.is_set():
            self.crash_one()

    def stop(self) -> None:
        super().stop()
        self._tally.fact("crash points", dict(sorted(self.crashed.items())))

    def crash_one(self, point: Point | None = None) -> None:
        """Create, change or destroy one stack with a crash, recover, check, clear away."""
        stack, operation = self._landform.create(
            "network", f"crash-{next(self._numbers)}", parameters={"zones": 2}
        )
        checks = StackChecks(self._ground, self._tally, stack.id)
        kind = self._random.choice(["create", "update", "destroy"])
        if kind != "create":
            self._landform.carry_out(operation)
            operation = self._ask(stack, kind)
        self._crash("carry_out", point or next(self._worker_points), operation)
        if self._random.random() < KEEPER_CRASH_SHARE:
            self._wait_for_terraform(operation)
            self._crash("keep", next(self._keeper_points))
        self._recover(stack, operation)
        done = self._ground.operation(operation.id)
        self._tally.outcome(f"crash point {done.status}")
        checks.memory.accepted = {
            item.id for item in self._ground.operations(stack.id) if item.requested_by != "system"
        }
        checks.check(is_exact=False)
        self._clear_away(stack, checks)

    def _ask(self, stack: Stack, kind: str) -> Operation:
        if kind == "destroy":
            return self._landform.request(stack, OperationType.DESTROY)
        with perform(self._landform.ctx, ADMIN) as work:
            change = StackChange(parameters={"zones": 3, "internet_access": False})
            operation = change_stack(work, stack.id, change)[1]
        assert operation is not None
        return operation

    def _crash(self, work: str, point: Point, operation: Operation | None = None) -> None:
        passes = PASSES.get(point.name, 1) if work == "carry_out" else 1
        nth = str(self._random.randint(1, passes))
        command = [sys.executable, "-m", "tests.campaign.crash_once", work, *point, nth]
        done = subprocess.run(
            command + ([operation.id] if operation else []),
            cwd=REPOSITORY_ROOT,
            env={**os.environ, **_variables(self._landform.settings)},
            capture_output=True,
            text=True,
            timeout=PROCESS_SECONDS,
            check=False,
        )
        if done.returncode == CRASHED:
            self.crashed[f"{work} {point.when} {point.name}"] += 1
        elif done.returncode != 0:
            told = (done.stderr or done.stdout)[-800:]
            self._tally.problem(Promise.OUTCOME, f"{work} {point.when} {point.name}: {told}")

    def _wait_for_terraform(self, operation: Operation) -> None:
        deadline = time.monotonic() + BOUND_SECONDS
        while find_of(self._ground.run_folders, operation.id) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _recover(self, stack: Stack, operation: Operation) -> None:
        """Do what the maintenance loop and workers do, until nothing of the stack is unfinished."""
        deadline = time.monotonic() + BOUND_SECONDS
        while waiting := self._ground.unfinished(stack.id):
            if time.monotonic() > deadline:
                self._tally.problem(
                    Promise.STUCK, f"{operation.id} after a crash: {[w.status for w in waiting]}"
                )
                return
            keep(self._landform.ctx)
            self._landform.engine.carry_out(waiting[0].id)
            time.sleep(0.1)
        keep(self._landform.ctx)

    def _resolve(self, stack: Stack) -> None:
        """Search for orphans as Landform does, and take in what was found as a person would."""
        deadline = time.monotonic() + BOUND_SECONDS
        while blocker := self._ground.blocker(stack.id):
            if time.monotonic() > deadline:
                self._tally.problem(Promise.STUCK, f"{blocker.id} is not resolved")
                return
            if blocker.orphans_searched_at is None or blocker.resolution is not None:
                search_orphans(self._landform.ctx)
                time.sleep(0.5)
                continue
            with perform(self._landform.ctx, ADMIN) as work:
                decision = Decision(Resolution.RETRY)
                following = resolve(work, blocker.id, decision)[1]
            assert following is not None
            if self._landform.carry_out(following).status == OperationStatus.PLANNED:
                with perform(self._landform.ctx, ADMIN) as work:
                    approve(work, following.id)
                self._landform.carry_out(following)

    def _clear_away(self, stack: Stack, checks: StackChecks) -> None:
        """Resolve what is open and destroy the stack; nothing may be left of it."""
        self._resolve(stack)
        if not checks.is_gone():
            done = self._landform.perform(stack, OperationType.DESTROY)
            if done.status not in GOOD:
                told = (done.error or {}).get("detail")
                self._tally.problem(Promise.OUTCOME, f"{done.id} destroy {done.status}: {told}")
            checks.is_gone()
        for item in checks.inventory():
            self._landform.cloud.attempt("DELETE", f"/resources/{item['id']}?force=true")


def _variables(settings: Settings) -> dict[str, str]:
    return {
        "LANDFORM_ENV": "test",
        "LANDFORM_HOME": str(settings.home_dir),
        "LANDFORM_DATABASE_URL": settings.database,
        "LANDFORM_SECRET_KEY": settings.secret_key.get_secret_value(),
        "LANDFORM_ENCRYPTION_KEYS": settings.encryption_keys.get_secret_value(),
        "LANDFORM_SANDBOX_PORT": str(settings.sandbox_port),
        "LANDFORM_REDIS_URL": settings.redis,
    }
