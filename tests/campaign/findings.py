"""What a campaign counts: kills with their recovery times, and broken promises.

Thread-safe; decides nothing. A *problem* is a promise of ``docs/reliability.md`` that was broken.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from app.clock import utc_now


class Promise(StrEnum):
    """Which promise a problem breaks."""

    STATE = "lost state"
    RESOURCE = "forgotten resource"
    DOUBLED = "resource made twice"
    ABANDONED = "resource that outlives its stack"
    STUCK = "stuck operation"
    OVERLAP = "overlapping Terraform"
    ALIVE = "live declared dead"
    REQUEST = "request lost or run twice"
    AUDIT = "change without audit event"
    ABSORBED = "absorbed change"
    OUTCOME = "undisturbed operation that failed"
    UNCHECKED = "part of the campaign that broke off"


@dataclass(frozen=True)
class Problem:
    """One broken promise, with what was seen."""

    promise: Promise
    detail: str


@dataclass(frozen=True)
class Kill:
    """One plug that was pulled. ``recovery_seconds`` is None when nothing recovered in time."""

    what: str
    during: str
    recovery_seconds: float | None


@dataclass
class Tally:
    """Everything that one campaign has seen so far."""

    kills: list[Kill] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kill(self, kill: Kill) -> None:
        with self._lock:
            self.kills.append(kill)

    def problem(self, promise: Promise, detail: str) -> None:
        with self._lock:
            self.problems.append(Problem(promise, detail))
        print(f"{utc_now():%H:%M:%S} PROBLEM {promise.value}: {detail}", flush=True)

    def outcome(self, name: str) -> None:
        with self._lock:
            self.outcomes[name] += 1

    def fact(self, name: str, value: Any) -> None:
        with self._lock:
            self.facts[name] = value

    def count(self, promise: Promise) -> int:
        with self._lock:
            return sum(problem.promise is promise for problem in self.problems)
