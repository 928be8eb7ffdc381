"""Kills of what all operations share: worker, scheduler, web, Redis, database, one at a time.

None of these may disturb an operation that runs; the slots check that.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

import httpx
import psutil
from redis.exceptions import RedisError
from sqlalchemy import exists, select
from sqlalchemy.orm import aliased

from app.domain.operations import FINAL, OperationStatus
from app.models import Operation
from app.tree_removal import discard_tree
from tests.campaign.databases import Outage
from tests.campaign.findings import Kill, Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.trial import Trial
from tests.running import was_started
from workers.embedded_redis import find_redis_server

BOUND_SECONDS = 90.0
FIRST_SECONDS, LAST_SECONDS = 0.5, 2.5
KINDS = {
    "worker": 26,
    "scheduler": 18,
    "web": 15,
    "warm parent": 5,
    "Redis with AOF": 13,
    "Redis without AOF": 11,
    "FLUSHALL": 12,
}
WORDS = {
    "worker": "workers.worker",
    "scheduler": "workers.scheduler",
    "web": "wsgi:app",
    "warm parent": "workers.warm_parent",
}


class Disturber(GuardedThread):
    """Kills a shared process every few seconds and measures how long all take to be back."""

    kinds: Mapping[str, int] = KINDS
    strikes = 0
    """How many faults there were, of what operations share."""

    def __init__(self, seed: int, trial: Trial, tally: Tally) -> None:
        super().__init__("disturber", tally)
        self._random = Random(f"{seed}-disturber")
        self._trial = trial
        self._one_at_a_time = threading.Lock()

    def work(self) -> None:
        while not self._stop_asked.wait(self._random.uniform(FIRST_SECONDS, LAST_SECONDS)):
            kinds = self.kinds
            self.disturb(self._random.choices(list(kinds), list(kinds.values()))[0])

    def disturb(self, what: str) -> None:
        """Kill ``what`` and wait until everything is there and goes on again."""
        with self._one_at_a_time:
            waiting, began = self._pending(), time.monotonic()
            is_back = self._pull(what)
            if is_back is not None:
                self.strikes += 1
                self._await(what, is_back, waiting, began)

    def take_database(self, outage: Outage) -> None:
        """Take the database away, give it back, and wait until everything goes on again.

        The recovery is counted from its return.
        """
        with self._one_at_a_time:
            waiting = self._pending()
            self.strikes += 1
            outage.strike(self._random)
            self._await(outage.name, lambda: True, waiting, time.monotonic())

    def _await(
        self, what: str, is_back: Callable[[], bool], waiting: set[str], began: float
    ) -> None:
        deadline = began + BOUND_SECONDS
        while not (is_back() and self._is_ready() and not (waiting & self._pending())):
            if time.monotonic() > deadline:
                self._tally.kill(Kill(what, "all", None))
                left = waiting & self._pending()
                self._tally.problem(Promise.STUCK, f"{what} was killed and is not back: {left}")
                return
            time.sleep(0.1)
        self._tally.kill(Kill(what, "all", time.monotonic() - began))

    def _pull(self, what: str) -> Callable[[], bool] | None:
        """Kill ``what``; return the question whether it is back."""
        if what == "FLUSHALL":
            with suppress(RedisError):
                self._trial.redis.flushall()
                return self._redis_answers
            return None
        is_redis = what.startswith("Redis")
        word = find_redis_server().name if is_redis else WORDS[what]
        before = self._children(word)
        if not before:
            return None
        victim = self._random.choice(before)
        if what == "web" and self._random.random() < 0.5:
            _kill_tree(victim)
        else:
            _kill(victim)
        if what == "Redis without AOF":
            for path in (self._trial.running.home / "redis").glob("appendonly*"):
                discard_tree(path) if path.is_dir() else path.unlink()
        if is_redis:
            return self._redis_answers

        def is_back() -> bool:
            now = {child.pid for child in self._children(word)}
            return len(now) >= len(before) and victim.pid not in now

        return is_back

    def _children(self, word: str) -> list[psutil.Process]:
        found = []
        for child in psutil.Process(self._trial.running.process.pid).children():
            with suppress(psutil.Error, ProcessLookupError):
                if not was_started(child):
                    continue
                # Redis writes its address behind its name, into the same word.
                names = [part.split(" ")[0] for part in child.cmdline()]
                if any(name == word or name.endswith(f"/{word}") for name in names):
                    found.append(child)
        return found

    def _pending(self) -> set[str]:
        """Return the operations that nothing but a worker is missing for."""
        other = aliased(Operation)
        is_before = (other.id < Operation.id) & other.status.not_in(FINAL)
        is_held = exists().where(other.stack_id == Operation.stack_id, is_before | other.holds_back)
        query = select(Operation.id).where(Operation.status == OperationStatus.PENDING, ~is_held)
        return self._trial.look(lambda session: set(session.scalars(query)))

    def _redis_answers(self) -> bool:
        try:
            return bool(self._trial.redis.ping())
        except RedisError:
            return False

    def _is_ready(self) -> bool:
        try:
            return self._trial.running.http.get("/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


def _kill(process: psutil.Process) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


def _kill_tree(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        for child in process.children(recursive=True):
            _kill(child)
    _kill(process)
