"""One stack after the other: asked for, changed, checked, destroyed, and killed on the way.

A slot works on one stack at a time. Each round is one request with what follows from it; at its
end nothing of the stack runs and every promise is checked.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import select

from app.domain.operations import FINAL
from app.domain.stacks import StackStatus
from app.models import Operation
from app.terraform.identity import ProcessIdentity
from tests.campaign.findings import Kill, Promise, Tally
from tests.campaign.invariants import StackChecks
from tests.campaign.processes import find_of
from tests.campaign.trial import LEASE_SECONDS, NoAnswerError, Trial

BOUND_SECONDS = 150.0
POLL_SECONDS = 0.05
PAUSE_SECONDS = LEASE_SECONDS + 1.5
GOOD = {"applied", "planned_and_finished"}
SYSTEM = "system"
MACHINES = 30
VICTIMS = {"terraform": 36, "provider": 22, "horse": 36, "pause": 6}
ACTIONS = {"update": 50, "drift_check": 18, "destroy": 24, "plan": 8}
FOLLOW_UP_KILL_SHARE = 0.7


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


class Pace:
    """How long the stages of undisturbed operations take, learned on the way."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = {}

    def learn(self, kind: str, stage: str, seconds: float) -> None:
        known = self._seconds.get((kind, stage), seconds)
        self._seconds[kind, stage] = 0.7 * known + 0.3 * seconds

    def expect(self, kind: str, stage: str) -> float:
        return self._seconds.get((kind, stage), 3.0)


class Slot(threading.Thread):
    """Drives stacks through their lives until asked to stop."""

    def __init__(
        self,
        number: int,
        seed: int,
        trial: Trial,
        tally: Tally,
        pace: Pace,
        machines: int = MACHINES,
    ) -> None:
        super().__init__(name=f"slot-{number}", daemon=True)
        self._machines = machines
        self._number = number
        self._random = Random(f"{seed}-slot-{number}")
        self._trial = trial
        self._tally = tally
        self._pace = pace
        self._names = itertools.count(1)
        self._checks: StackChecks | None = None
        self._stop_asked = threading.Event()
        self.is_killing = True

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._round(self._choose())
            except NoAnswerError as error:
                self._tally.problem(Promise.STUCK, f"the API does not answer: {error}")

    def ask_to_stop(self) -> None:
        self._stop_asked.set()

    def finish(self) -> None:
        """Mend and destroy the present stack undisturbed; nothing may remain in the cloud."""
        self.is_killing = False
        if self._checks is None:
            return
        if self._trial.stack(self._checks.stack_id).status != StackStatus.READY:
            self._round("apply")
        if self._checks is not None:
            self._round("destroy")

    def _choose(self) -> str:
        if self._checks is None:
            return "create"
        status = self._trial.stack(self._checks.stack_id).status
        if status in (StackStatus.FAILED, StackStatus.NEEDS_ATTENTION):
            return self._random.choice(["apply", "apply", "destroy"])
        return self._random.choices(list(ACTIONS), list(ACTIONS.values()))[0]

    def _round(self, action: str) -> None:
        operation_id = self._request(action)
        assert self._checks is not None
        kills = self._plan_kills(action) if self.is_killing else []
        was_killed = self._follow(operation_id, kills)
        while following := self._trial.unfinished(self._checks.stack_id):
            first = following[0]
            is_hit = self.is_killing and self._random.random() < FOLLOW_UP_KILL_SHARE
            moments = [self._moment(first.type, "planning")] if is_hit else []
            was_killed |= self._follow(first.id, moments)
        self._check(action, operation_id, was_killed=was_killed)

    def _check(self, action: str, operation_id: str, *, was_killed: bool) -> None:
        checks = self._checks
        assert checks is not None
        done = self._trial.operation(operation_id)
        self._tally.outcome(f"{done.type} {done.status}")
        is_good = done.status in GOOD
        if not was_killed and not is_good:
            told = (done.error or {}).get("detail")
            self._tally.problem(Promise.OUTCOME, f"{done.id} {action} {done.status}: {told}")
        is_exact = is_good and not was_killed and action not in ("plan", "drift_check")
        checks.check(is_exact=is_exact)
        self._remove_orphans(checks)
        if self._trial.stack(checks.stack_id).status == StackStatus.DELETED:
            if left := checks.inventory():
                self._tally.problem(Promise.RESOURCE, f"{checks.stack_id}: {len(left)} outlive it")
            self._checks = None

    def _remove_orphans(self, checks: StackChecks) -> None:
        """Do what an operator does who was told of possible orphans: look, and delete them."""
        known = checks.recorded_ids()
        for item in checks.inventory():
            if item["id"] not in known:
                self._trial.cloud.call("DELETE", f"/resources/{item['id']}?force=true")

    def _request(self, action: str) -> str:
        """Ask for what ``action`` says and return the operation."""
        if action == "create":
            return self._create()
        assert self._checks is not None
        if action == "update":
            return self._update(self._checks)
        path = f"/stacks/{self._checks.stack_id}/operations"
        answer = self._trial.ask("POST", path, json={"type": action}, headers=self._key())
        return self._accept(answer.json()["operation"]["id"])

    def _create(self) -> str:
        body = {
            "name": f"site-{self._number}-{next(self._names)}",
            "project": "default",
            "cloud_account": "sandbox",
            "parameters": {"machines": self._machines, "buckets": 6},
        }
        answer = self._trial.ask("POST", "/sites", json=body, headers=self._key()).json()
        self._checks = StackChecks(self._trial, self._tally, answer["stack"]["id"])
        return self._accept(answer["operation"]["id"])

    def _update(self, checks: StackChecks) -> str:
        """Change the parameters; a lost answer is looked up, since PATCH takes no key."""
        path = f"/sites/{checks.stack_id}"
        before = self._trial.operations(checks.stack_id)[-1].id
        while True:
            present = self._trial.ask("GET", path)
            parameters = self._other_parameters(present.json()["parameters"])
            headers = {"If-Match": present.headers["ETag"]}
            answer = self._trial.ask(
                "PATCH", path, json={"parameters": parameters}, headers=headers
            )
            if answer.status_code == 202:
                return self._accept(answer.json()["operation"]["id"])
            newer = [
                item.id
                for item in self._trial.operations(checks.stack_id)
                if item.id > before and item.requested_by != SYSTEM
            ]
            if newer:
                return self._accept(newer[-1])

    def _other_parameters(self, present: dict[str, Any]) -> dict[str, Any]:
        sizes = [size for size in ("small", "medium", "large") if size != present["size"]]
        return {
            "size": self._random.choice(sizes),
            "machines": self._random.randint(self._machines - 6, self._machines + 2),
            "buckets": self._random.randint(2, 6),
        }

    def _accept(self, operation_id: str) -> str:
        assert self._checks is not None
        self._checks.memory.accepted.add(operation_id)
        return operation_id

    def _key(self) -> dict[str, str]:
        return {"Idempotency-Key": str(UUID(int=self._random.getrandbits(128)))}

    def _plan_kills(self, action: str) -> list[Moment]:
        count = self._random.choices([0, 1, 2, 3], [4, 40, 40, 16])[0]
        is_mutation = action not in ("plan", "drift_check")
        stages = [
            "applying" if is_mutation and self._random.random() < 0.7 else "planning"
            for _ in range(count)
        ]
        return [self._moment(action, stage) for stage in sorted(stages, reverse=True)]

    def _moment(self, action: str, stage: str) -> Moment:
        victim = self._random.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        longest = 1.05 * self._pace.expect(_type_of(action), stage)
        return Moment(victim, stage, self._random.uniform(0, longest))

    def _follow(self, operation_id: str, moments: Sequence[Moment]) -> bool:
        """Watch an operation to its end, pulling plugs; tell whether something was killed."""
        waiting, pulled = list(moments), []
        deadline = time.monotonic() + BOUND_SECONDS
        stage, stage_at, was_killed = "", time.monotonic(), False
        while True:
            now, seen = time.monotonic(), self._glance(operation_id)
            pulled = [item for item in pulled if not self._has_gone_on(item, seen, now)]
            if seen.status != stage:
                if not was_killed and stage in ("planning", "applying"):
                    self._pace.learn(seen.type, stage, now - stage_at)
                stage, stage_at = seen.status, now
            if seen.status in FINAL:
                return was_killed
            is_stage = waiting and stage == waiting[0].stage and not pulled
            if is_stage and now - stage_at >= waiting[0].delay_seconds:
                hit = self._pull(waiting.pop(0), operation_id, seen)
                was_killed |= hit is not None
                pulled += [hit] if hit is not None else []
                deadline = time.monotonic() + BOUND_SECONDS
            if now > deadline:
                self._tell_stuck(operation_id, seen, pulled)
                return True
            time.sleep(POLL_SECONDS)

    def _tell_stuck(self, operation_id: str, seen: Glance, pulled: list[Pulled]) -> None:
        self._tally.problem(Promise.STUCK, f"{operation_id} {seen} after {pulled}")
        for item in pulled:
            self._tally.kill(Kill(item.victim, item.during, None))
        self._checks = None
        raise NoAnswerError(operation_id)

    def _has_gone_on(self, item: Pulled, seen: Glance, now: float) -> bool:
        if seen.status not in FINAL and seen.fence == item.fence:
            return False
        self._tally.kill(Kill(item.victim, item.during, now - item.at))
        return True

    def _pull(self, moment: Moment, operation_id: str, seen: Glance) -> Pulled | None:
        """Kill the victim, or pause it; nothing when it is not there at this moment."""
        if moment.victim == "pause":
            self._pause(operation_id, seen)
            return None
        pid = self._find(moment.victim, operation_id, seen)
        if pid is None:
            return None
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            during = f"{seen.type} {moment.stage}"
            return Pulled(moment.victim, during, time.monotonic(), seen.fence)
        return None

    def _pause(self, operation_id: str, seen: Glance) -> None:
        """Stop the horse or its Terraform beyond the lease; it must keep its operation."""
        victim = self._random.choice(["horse", "terraform"])
        pid = self._find(victim, operation_id, seen)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(PAUSE_SECONDS)
            after = self._glance(operation_id)
            os.kill(pid, signal.SIGCONT)
            self._tally.outcome("paused beyond its lease")
            if after.fence != seen.fence or after.status in ("pending", "interrupted"):
                self._tally.problem(
                    Promise.ALIVE, f"{operation_id}: {victim} was paused, {seen} became {after}"
                )

    def _find(self, victim: str, operation_id: str, seen: Glance) -> int | None:
        if victim == "horse":
            if seen.owner_process is None:
                return None
            horse = ProcessIdentity.from_dict(seen.owner_process)
            return horse.pid if horse.is_alive() else None
        wants_provider = victim == "provider"
        for _ in range(20):
            found = find_of(self._trial.runs, operation_id)
            pids = [item.pid for item in found if item.is_provider is wants_provider]
            if pids:
                return self._random.choice(pids)
            time.sleep(0.02)
        return None

    def _glance(self, operation_id: str) -> Glance:
        columns = (Operation.status, Operation.type, Operation.fence, Operation.owner_process)
        with self._trial.ctx.read() as session:
            row = session.execute(select(*columns).where(Operation.id == operation_id)).one()
        return Glance(*row)


def _type_of(action: str) -> str:
    return "apply" if action in ("create", "update") else action
