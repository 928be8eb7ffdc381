"""One stack after the other: asked for, changed, checked, destroyed, and killed on the way.

A slot works on one stack at a time. Each round is one request with what follows from it; at its
end nothing of the stack runs and every promise is checked.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from random import Random
from typing import Any

from app.domain.operations import FINAL
from app.domain.stacks import StackStatus
from app.models import Operation
from tests.campaign.findings import Kill, Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.invariants import StackChecks
from tests.campaign.outside_changes import OutsideChanges
from tests.campaign.plugs import Glance, Moment, Plugs, Pulled
from tests.campaign.trial import NoAnswerError, Trial
from tests.campaign.users import User

POLL_SECONDS = 0.05
GOOD = {"applied", "planned_and_finished"}
BAD = {"errored", "interrupted"}
MACHINES = 30
QUEUED_SHARE = 0.3
ACTIONS = {"update": 50, "drift_check": 18, "destroy": 24, "plan": 8}
FOLLOW_UP_KILL_SHARE = 0.7


class Pace:
    """How long the stages of undisturbed operations take, learned on the way."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[str, str], float] = {}

    def learn(self, kind: str, stage: str, seconds: float) -> None:
        known = self._seconds.get((kind, stage), seconds)
        self._seconds[kind, stage] = 0.7 * known + 0.3 * seconds

    def expect(self, kind: str, stage: str) -> float:
        return self._seconds.get((kind, stage), 3.0)


class Slot(GuardedThread):
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
        super().__init__(f"slot-{number}", tally)
        self._machines = machines
        self._number = number
        self._random = Random(f"{seed}-slot-{number}")
        self._trial = trial
        self._pace = pace
        self._plugs = Plugs(trial, tally, self._random)
        self._names = itertools.count(1)
        self._outside = OutsideChanges(trial, tally, Random(f"{seed}-outside-{number}"))
        self._user = User(self._random, trial, tally, self._accept)
        self._checks: StackChecks | None = None
        self._killed: set[str] = set()
        self.is_killing = True

    def work(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._round(self._choose())
            except NoAnswerError as error:
                self._tally.problem(Promise.STUCK, f"the API does not answer: {error}")

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
        self._killed = set()
        if self._checks is not None:
            self._meddle(self._checks, is_idle=True)
        operation_id = self._request(action)
        checks = self._checks
        assert checks is not None
        if self.is_killing and action != "destroy" and self._random.random() < QUEUED_SHARE:
            self._request("apply")  # it must not run by itself over what an interruption left
        self._follow(operation_id, self._plan_kills(action) if self.is_killing else [])
        while (blocker := self._user.unresolved(checks)) or self._trial.unfinished(checks.stack_id):
            if blocker is not None:
                self._user.watch_queue(checks, blocker)
            if blocker is not None and self._is_idle(checks, blocker):
                self._decide(checks, blocker)
                continue
            first = self._next(checks, blocker)
            if first is None:
                time.sleep(POLL_SECONDS)
                continue
            self._meddle(checks, is_idle=False)
            self._follow(first.id, self._follow_up_kills("planning", first.type))
        self._check(action, operation_id)

    def _decide(self, checks: StackChecks, blocker: Operation) -> None:
        """Have the user try what must be refused, then decide, and follow what comes of it."""
        self._meddle(checks, is_idle=True)
        self._user.insist(checks)
        following = self._user.resolve(checks, blocker)
        if following is not None:
            self._follow(following, self._follow_up_kills("applying"))

    def _meddle(self, checks: StackChecks, *, is_idle: bool) -> None:
        if self.is_killing:
            self._outside.make(checks, is_idle=is_idle)

    def _is_idle(self, checks: StackChecks, blocker: Operation) -> bool:
        """Tell whether nothing runs that a decision would have to wait for."""
        return all(
            item.status == "pending" and item.resolves_id != blocker.id
            for item in self._trial.unfinished(checks.stack_id)
            if item.type not in ("plan", "drift_check")
        )

    def _next(self, checks: StackChecks, blocker: Operation | None) -> Operation | None:
        """Return the first operation that nothing holds back."""
        for item in self._trial.unfinished(checks.stack_id):
            is_look = item.type in ("plan", "drift_check")
            if blocker is None or is_look or item.resolves_id == blocker.id:
                return item
        return None

    def _follow_up_kills(self, stage: str, kind: str = "apply") -> list[Moment]:
        is_hit = self.is_killing and self._random.random() < FOLLOW_UP_KILL_SHARE / 2
        return [self._moment(kind, stage)] if is_hit else []

    def _check(self, action: str, operation_id: str) -> None:
        checks = self._checks
        assert checks is not None
        done = self._trial.operation(operation_id)
        self._tally.outcome(f"{done.type} {done.status}")
        self._check_outcomes(checks, done)
        is_exact = done.status in GOOD and not self._killed and not self._trial.was_hit(done)
        checks.check(is_exact=is_exact and action not in ("plan", "drift_check"))
        self._outside.check(checks)
        if checks.is_gone():
            self._checks = None

    def _check_outcomes(self, checks: StackChecks, asked: Operation) -> None:
        """Whatever else was killed, an operation of which nothing was killed has ended well."""
        for item in self._trial.operations(checks.stack_id):
            if item.id <= checks.memory.checked_until or item.id in self._killed:
                continue
            is_bad = item.status in BAD or (item.id == asked.id and item.status not in GOOD)
            if is_bad and not self._trial.was_hit(item):
                told = (item.error or {}).get("detail")
                detail = f"{item.id} {item.type} {item.status}: {told}; killed: {self._killed}"
                self._tally.problem(Promise.OUTCOME, detail)

    def _request(self, action: str) -> str:
        """Ask for what ``action`` says and return the operation."""
        if action == "create":
            return self._create()
        assert self._checks is not None
        if action == "update":
            return self._update(self._checks)
        path = f"/stacks/{self._checks.stack_id}/operations"
        answer = self._trial.ask("POST", path, json={"type": action})
        return self._accept(answer.json()["operation"]["id"])

    def _create(self) -> str:
        body = {
            "name": f"site-{self._number}-{next(self._names)}",
            "project": "default",
            "cloud_account": "sandbox",
            "parameters": {"machines": self._machines, "buckets": 6},
        }
        answer = self._trial.ask("POST", "/sites", json=body).json()
        self._checks = StackChecks(self._trial, self._tally, answer["stack"]["id"])
        return self._accept(answer["operation"]["id"])

    def _update(self, checks: StackChecks) -> str:
        """Change the parameters of the stack as it is now."""
        path = f"/sites/{checks.stack_id}"
        while True:
            present = self._trial.ask("GET", path)
            parameters = self._other_parameters(present.json()["parameters"])
            headers = {"If-Match": present.headers["ETag"]}
            answer = self._trial.ask(
                "PATCH", path, json={"parameters": parameters}, headers=headers
            )
            if answer.status_code != 412:  # somebody else, such as a check, was faster
                return self._accept(answer.json()["operation"]["id"])

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

    def _plan_kills(self, action: str) -> list[Moment]:
        count = self._random.choices([0, 1, 2, 3], self._trial.kill_shares)[0]
        is_mutation = action not in ("plan", "drift_check")
        stages = [
            "applying" if is_mutation and self._random.random() < 0.7 else "planning"
            for _ in range(count)
        ]
        return [self._moment(action, stage) for stage in sorted(stages, reverse=True)]

    def _moment(self, action: str, stage: str) -> Moment:
        victims = self._trial.victims
        victim = self._random.choices(list(victims), list(victims.values()))[0]
        longest = 1.05 * self._pace.expect(_type_of(action), stage)
        return Moment(victim, stage, self._random.uniform(0, longest))

    def _follow(self, operation_id: str, moments: Sequence[Moment]) -> None:
        """Watch an operation to its end, pulling plugs."""
        waiting, pulled = list(moments), list[Pulled]()
        deadline = time.monotonic() + self._trial.bound_seconds
        stage, stage_at = "", time.monotonic()
        while True:
            now, seen = time.monotonic(), self._plugs.glance(operation_id)
            pulled = [item for item in pulled if not self._has_gone_on(item, seen, now)]
            if seen.status != stage:
                if operation_id not in self._killed and stage in ("planning", "applying"):
                    self._pace.learn(seen.type, stage, now - stage_at)
                stage, stage_at = seen.status, now
            if seen.status in FINAL:
                return
            is_stage = waiting and stage == waiting[0].stage and not pulled
            if is_stage and now - stage_at >= waiting[0].delay_seconds:
                hit = self._plugs.pull(waiting.pop(0), operation_id, seen)
                deadline = time.monotonic() + self._trial.bound_seconds
                if hit is not None:
                    pulled.append(hit)
                    self._killed.add(operation_id)
                    assert self._checks is not None
                    self._user.hurry(self._checks)
            if now > deadline:
                self._tell_stuck(operation_id, seen, pulled)
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


def _type_of(action: str) -> str:
    return "apply" if action in ("create", "update") else action
