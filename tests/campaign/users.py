"""What users do right after a kill: apply, destroy, retry, approve, wait for what they queued.

Each reaction is one entry of ``ATTEMPTS`` or ``DECISIONS``. None may make anything twice or leave
anything behind; what came of it is counted in the cloud's own store (``invariants``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random
from typing import Any

import httpx

from app.domain.operations import FINAL
from app.models import Operation
from tests.campaign.findings import Promise, Tally
from tests.campaign.invariants import StackChecks
from tests.campaign.trial import NoAnswerError, Trial

SEARCH_SECONDS = 120.0
"""How long the search may take: a minute passes until a creation counts as never made."""

HURRY_SHARE = 0.35
ATTEMPTS = ("apply", "destroy", "update", "delete")
DECISIONS = {"retry": 40, "adopt": 25, "destroy": 20, "by hand": 15}

Accept = Callable[[str], str]


class User:
    """Somebody whose operation was cut off, and who wants to get on."""

    def __init__(self, random: Random, trial: Trial, tally: Tally, accept: Accept) -> None:
        self._random = random
        self._trial = trial
        self._tally = tally
        self._accept = accept

    def unresolved(self, checks: StackChecks) -> Operation | None:
        """Return the interrupted operation that holds the stack, if there is one."""
        return self._trial.blocker(checks.stack_id)

    def hurry(self, checks: StackChecks) -> None:
        """Ask for more in the second after a kill, often before anybody has noticed it.

        What is accepted is queued, and must not run by itself over what the kill left.
        """
        if self._random.random() < HURRY_SHARE:
            attempt = self._random.choice(ATTEMPTS)
            answer = self._attempt(checks, attempt)
            if answer.status_code == 202:
                self._accept(answer.json()["operation"]["id"])
            told = "queued" if answer.status_code == 202 else answer.json().get("code")
            self._tally.outcome(f"user's {attempt} right after a kill: {told}")

    def watch_queue(self, checks: StackChecks, blocker: Operation) -> None:
        """Look whether something changes the stack by itself over what has no record."""
        for item in self._trial.unfinished(checks.stack_id):
            is_look = item.type in ("plan", "drift_check")
            if item.status == "pending" or is_look or item.resolves_id == blocker.id:
                continue
            still = self.unresolved(checks)
            if still is not None and still.id == blocker.id and item.id != blocker.id:
                detail = f"{item.id} {item.type} is {item.status} over the orphans of {blocker.id}"
                self._tally.problem(Promise.DOUBLED, f"{checks.stack_id}: {detail}")

    def insist(self, checks: StackChecks) -> None:
        """Try at once what would double or abandon; it must be refused with the way out."""
        if self.unresolved(checks) is None:
            return
        attempt = self._random.choice(ATTEMPTS)
        queued = {item.id for item in self._trial.unfinished(checks.stack_id)}
        answer = self._attempt(checks, attempt)
        if answer.status_code == 202:
            operation_id = self._accept(answer.json()["operation"]["id"])
            if self.unresolved(checks) is not None and operation_id not in queued:
                self._tally.problem(
                    Promise.DOUBLED, f"{checks.stack_id}: {attempt} was accepted over orphans"
                )
            return  # the search had found that nothing is left, or the destroy is queued already
        self._tally.outcome(f"user's {attempt} refused with {answer.json().get('code')}")

    def resolve(self, checks: StackChecks, blocker: Operation) -> str | None:
        """Decide about an interruption, approve what follows, and return its id to be followed."""
        decision = self._random.choices(list(DECISIONS), list(DECISIONS.values()))[0]
        if decision == "by hand":
            self._delete_by_hand(checks, blocker)
            return None
        deadline = time.monotonic() + SEARCH_SECONDS
        while self.unresolved(checks) is not None and time.monotonic() < deadline:
            if self._trial.operation(blocker.id).orphans_searched_at is None:
                time.sleep(0.2)
                continue
            answer = self._trial.ask(
                "POST", f"/operations/{blocker.id}/resolve", json={"action": decision}
            )
            if answer.status_code == 202:
                self._tally.outcome(f"user's {decision} accepted")
                return self._approved(answer.json()["following"]["id"])
            # Nothing to adopt, or a destroy that adopts nothing: there is always another way.
            decision = "destroy" if blocker.type == "destroy" else "retry"
            time.sleep(0.5)
        if self.unresolved(checks) is not None:
            self._tally.problem(Promise.STUCK, f"{blocker.id} cannot be resolved by {decision}")
            raise NoAnswerError(blocker.id)
        return None

    def _approved(self, operation_id: str) -> str:
        """Approve a plan once it waits; return its operation."""
        self._accept(operation_id)
        deadline = time.monotonic() + self._trial.bound_seconds
        while time.monotonic() < deadline:
            seen = self._trial.operation(operation_id)
            if seen.status in FINAL or seen.approved_at is not None:
                break
            if seen.status == "planned":
                self._trial.ask("POST", f"/operations/{operation_id}/approve")
            time.sleep(0.2)
        return operation_id

    def _delete_by_hand(self, checks: StackChecks, blocker: Operation) -> None:
        """Delete in the cloud what no state knows; that must resolve itself."""
        self._tally.outcome("user deletes orphans by hand")
        deadline = time.monotonic() + SEARCH_SECONDS
        while self.unresolved(checks) is not None:
            known = checks.recorded_ids()
            for item in checks.inventory():
                if item["id"] not in known:
                    self._trial.cloud.attempt("DELETE", f"/resources/{item['id']}?force=true")
            if time.monotonic() > deadline:
                detail = f"{blocker.id}: its orphans are gone and it does not resolve itself"
                self._tally.problem(Promise.STUCK, detail)
                raise NoAnswerError(blocker.id)
            time.sleep(0.5)

    def _attempt(self, checks: StackChecks, attempt: str) -> httpx.Response:
        path = f"/stacks/{checks.stack_id}/operations"
        if attempt in ("apply", "destroy"):
            return self._trial.ask("POST", path, json={"type": attempt})
        present = self._trial.ask("GET", f"/sites/{checks.stack_id}")
        if present.status_code != 200:
            return present
        headers = {"If-Match": present.headers["ETag"]}
        if attempt == "delete":
            return self._trial.ask("DELETE", f"/sites/{checks.stack_id}", headers=headers)
        parameters: dict[str, Any] = {"buckets": self._random.randint(2, 6)}
        body = {"parameters": {**present.json()["parameters"], **parameters}}
        return self._trial.ask("PATCH", f"/sites/{checks.stack_id}", json=body, headers=headers)
