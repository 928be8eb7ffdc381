"""Plugs that are pulled under one operation: its Terraform, provider, horse or run directory."""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any

from sqlalchemy import select

from app.models import Operation
from tests.campaign.findings import Promise, Tally
from tests.campaign.processes import find_of
from tests.campaign.trial import LEASE_SECONDS, Trial

PAUSE_SECONDS = LEASE_SECONDS + 1.5


@dataclass(frozen=True)
class Moment:
    """When to pull: so many seconds after the operation has reached ``stage``."""

    victim: str
    stage: str
    delay_seconds: float


@dataclass(frozen=True)
class Pulled:
    """A kill whose operation has not gone on yet."""

    victim: str
    during: str
    at: float
    fence: int


@dataclass(frozen=True)
class Glance:
    """The few columns of an operation that are looked at many times a second."""

    status: str
    type: str
    fence: int
    owner_process: dict[str, Any] | None


class Plugs:
    """Pulls the plugs of the operations of one slot."""

    def __init__(self, trial: Trial, tally: Tally, random: Random) -> None:
        self._trial = trial
        self._tally = tally
        self._random = random

    def glance(self, operation_id: str) -> Glance:
        columns = (Operation.status, Operation.type, Operation.fence, Operation.owner_process)
        query = select(*columns).where(Operation.id == operation_id)
        return Glance(*self._trial.look(lambda session: session.execute(query).one()))

    def pull(self, moment: Moment, operation_id: str, seen: Glance) -> Pulled | None:
        """Kill the victim, or pause it; nothing when it is not there at this moment."""
        if moment.victim == "pause":
            self._pause(operation_id, seen)
            return None
        if moment.victim == "run directory":
            return self._remove_run(moment, operation_id, seen)
        pid = self._find(moment.victim, operation_id, seen)
        if pid is None:
            return None
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            during = f"{seen.type} {moment.stage}"
            return Pulled(moment.victim, during, time.monotonic(), seen.fence)
        return None

    def _remove_run(self, moment: Moment, operation_id: str, seen: Glance) -> Pulled | None:
        """Take the run directory away under a running Terraform."""
        runs = [folder / operation_id for folder in self._trial.run_folders]
        found = [run for run in runs if run.is_dir()]
        if not found:
            return None
        shutil.rmtree(found[0], ignore_errors=True)
        return Pulled(moment.victim, f"{seen.type} {moment.stage}", time.monotonic(), seen.fence)

    def _pause(self, operation_id: str, seen: Glance) -> None:
        """Stop the horse or its Terraform, on SQLite beyond the lease; it keeps its operation."""
        victim = self._random.choice(["horse", "terraform"])
        pid = self._find(victim, operation_id, seen)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(PAUSE_SECONDS)
            after = self.glance(operation_id)
            os.kill(pid, signal.SIGCONT)
            self._tally.outcome("paused")
            if after.fence != seen.fence or after.status in ("pending", "interrupted"):
                self._tally.problem(
                    Promise.ALIVE, f"{operation_id}: {victim} was paused, {seen} became {after}"
                )

    def _find(self, victim: str, operation_id: str, seen: Glance) -> int | None:
        if victim == "horse":
            return self._trial.find_owner(seen)
        wants_provider = victim == "provider"
        for _ in range(20):
            found = find_of(self._trial.run_folders, operation_id)
            pids = [item.pid for item in found if item.is_provider is wants_provider]
            if pids:
                return self._random.choice(pids)
            time.sleep(0.02)
        return None
