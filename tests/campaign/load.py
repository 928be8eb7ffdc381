"""Clients that keep asking at a steady pace, and do as a refusal says: 503, then Retry-After.

What they are refused for good, or what breaks off, is counted as failed. Some of what they ask for
is a change; each one that was accepted must be there at the end.
"""

from __future__ import annotations

import itertools
import secrets
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

import httpx
from sqlalchemy import select

from app.models import Project
from tests.campaign.findings import Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.trial import Trial

CLIENTS = 12
PATIENCE_SECONDS = 60.0
CHANGE_EVERY = 20
READS = ("/stacks", "/operations?limit=20", "/projects?limit=20", "/instances")
MAY_COME_LATER = {429, 503}


class Load(GuardedThread):
    """So many requests a second until asked to stop.

    Args:
        trial: whose door is used.
        tally: where a change that was accepted and lost is told, and each failure, if so wanted.
        rate: requests a second.
        may_break: whether requests that are under way at a host that dies may fail; they are
            counted all the same.
    """

    def __init__(self, trial: Trial, tally: Tally, rate: float, *, may_break: bool) -> None:
        super().__init__("load", tally)
        self._trial = trial
        self._rate = rate
        self._may_break = may_break
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._seconds: list[float] = []
        self._run = secrets.token_hex(3)
        self.counts: Counter[str] = Counter()
        self.accepted: set[str] = set()

    def work(self) -> None:
        with ThreadPoolExecutor(CLIENTS) as clients:
            due = time.monotonic()
            while not self._stop_asked.wait(max(0.0, due - time.monotonic())):
                due = max(due, time.monotonic() - 1.0) + 1 / self._rate
                clients.submit(self.ask_next)

    def stop(self) -> None:
        super().stop()
        self.check_changes()
        cuts = quantiles(self._seconds, n=100) if len(self._seconds) > 1 else [0.0] * 99
        self._tally.fact("requests of the load", sum(self.counts.values()))
        self._tally.fact("their ends", dict(sorted(self.counts.items())))
        self._tally.fact("their seconds p50, p95", [round(cuts[49], 3), round(cuts[94], 3)])

    def ask_next(self) -> None:
        """Send one request, and again as long as its refusals say that it may come later."""
        number = next(self._numbers)
        name = f"load-{self._run}-{number}"
        is_change = number % CHANGE_EVERY == 0
        began, end = time.monotonic(), "not accepted in time"
        options: dict[str, Any] = {"headers": {"Idempotency-Key": secrets.token_hex(16)}}
        if is_change:
            options["json"] = {"name": name}
        asked = ("POST", "/projects") if is_change else ("GET", READS[number % len(READS)])
        refusals = 0
        while time.monotonic() - began < PATIENCE_SECONDS:
            try:
                answer = self._trial.running.http.request(asked[0], f"/api/v1{asked[1]}", **options)
            except httpx.TransportError as error:
                end = f"broke off: {type(error).__name__}"
                break
            if answer.status_code in MAY_COME_LATER and "Retry-After" in answer.headers:
                refusals += 1
                time.sleep(float(answer.headers["Retry-After"]))
                continue
            end = "good" if answer.is_success else f"refused: {answer.status_code}"
            break
        self._count(end, refusals, time.monotonic() - began)
        if is_change and end == "good":
            with self._lock:
                self.accepted.add(name)
        if end != "good" and not self._may_break:
            detail = f"{' '.join(asked)} {end} after {refusals} refusals"
            self._tally.problem(Promise.REQUEST, detail)

    def _count(self, end: str, refusals: int, seconds: float) -> None:
        with self._lock:
            self.counts[f"{end}, later" if refusals else end] += 1
            self._seconds.append(seconds)

    def check_changes(self) -> None:
        """Every change that was accepted is there."""
        query = select(Project.name)
        there = self._trial.look(lambda session: set(session.scalars(query)))
        if lost := self.accepted - there:
            detail = f"{len(lost)} projects were accepted and are not there: {sorted(lost)[:5]}"
            self._tally.problem(Promise.REQUEST, detail)
        self._tally.fact("changes of the load", len(self.accepted))
