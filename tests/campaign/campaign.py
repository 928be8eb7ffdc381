"""The course of a campaign: set pieces, then kills from all sides, then a quiet end.

Bounded in time; what it started is gone when it returns.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from app.services.audit_trail.verification import verify_trail
from tests.campaign.databases import Outage
from tests.campaign.disturber import Disturber
from tests.campaign.findings import Promise, Tally
from tests.campaign.guarded import GuardedThread
from tests.campaign.processes import Watch
from tests.campaign.slots import Pace, Slot
from tests.campaign.trial import Trial

STOP_SECONDS = 400.0
CREATE_DELAY_SECONDS = 0.2
OUTAGE_EVERY_SECONDS = (25.0, 55.0)
SAY_EVERY_SECONDS = 30.0

SetPiece = Callable[[Trial, Tally], None]


@dataclass(frozen=True)
class Size:
    """How large a campaign is.

    ``kills_operations`` says whether something is killed under single operations, and
    ``counts_strikes`` that ``kills`` is the number of faults beside those.
    """

    kills: int
    seconds: float
    slots: int = 4
    workers: int = 4
    machines: int = 30
    kills_operations: bool = True
    counts_strikes: bool = False


class Campaign:
    """One campaign against a running Landform."""

    def __init__(
        self,
        trial: Trial,
        tally: Tally,
        seed: int,
        size: Size,
        pieces: Sequence[SetPiece] = (),
        beside: Sequence[GuardedThread] = (),
        outage: Outage | None = None,
        disturber: Disturber | None = None,
    ) -> None:
        """Prepare.

        Args:
            trial: what is under trial.
            tally: where all is counted.
            seed: decides what is asked for and what is killed.
            size: how much of it.
            pieces: what comes first.
            beside: what goes on beside it.
            outage: how the database is taken away.
            disturber: kills what all operations share; that of a single host by default.
        """
        self._disturber = disturber or Disturber(seed, trial, tally)
        self._pieces = pieces
        self._outage = outage
        self._random = Random(f"{seed}-campaign")
        self._beside = beside
        self._trial = trial
        self._tally = tally
        self._seed = seed
        self._size = size

    def run(self, say: Callable[[str], None] = lambda text: None) -> None:
        """Kill until there are enough kills or the time is over, then end everything well."""
        self._trial.cloud.set_faults(create_delay_seconds=CREATE_DELAY_SECONDS)
        watch = Watch(self._trial, self._tally)
        watch.start()
        for piece in self._pieces:
            say(piece.__doc__ or "")
            piece(self._trial, self._tally)
        began = time.monotonic()
        for companion in self._beside:
            companion.start()
        slots = self._start_slots()
        self._disturber.start()
        self._kill(slots, say)
        self._tally.fact("seconds of killing", round(time.monotonic() - began))
        self._tally.fact("faults of what is shared", self._disturber.strikes)
        self._end(slots)
        watch.stop()
        self._count_abandoned()
        self._check_trail()

    def _kill(self, slots: list[Slot], say: Callable[[str], None]) -> None:
        """Wait for enough kills, and take the database away now and then.

        That is done here because PostgreSQL ends with the thread that has started it.
        """
        began = said_at = time.monotonic()
        outage_at = began + self._random.uniform(*OUTAGE_EVERY_SECONDS)
        while self._count() < self._size.kills:
            now = time.monotonic()
            if now - began > self._size.seconds or not _all_live(slots):
                break
            if self._outage is not None and now > outage_at:
                self._disturber.take_database(self._outage)
                outage_at = time.monotonic() + self._random.uniform(*OUTAGE_EVERY_SECONDS)
            if now - said_at > SAY_EVERY_SECONDS:
                problems, said_at = len(self._tally.problems), now
                say(f"{self._count()} faults, {problems} problems")
            time.sleep(1)

    def _count(self) -> int:
        """Return how many faults there were of those that the size counts."""
        is_whole = self._size.counts_strikes
        return self._disturber.strikes if is_whole else len(self._tally.kills)

    def _start_slots(self) -> list[Slot]:
        pace = Pace()
        slots = [
            Slot(number, self._seed, self._trial, self._tally, pace, self._size.machines)
            for number in range(1, self._size.slots + 1)
        ]
        for slot in slots:
            slot.is_killing = self._size.kills_operations
            slot.start()
        return slots

    def _end(self, slots: list[Slot]) -> None:
        for slot in slots:
            slot.ask_to_stop()
            slot.is_killing = False
        self._disturber.stop()
        for companion in self._beside:
            companion.stop()
        deadline = time.monotonic() + STOP_SECONDS
        for slot in slots:
            slot.join(max(0.0, deadline - time.monotonic()))
            if slot.is_alive():
                self._tally.problem(Promise.STUCK, f"{slot.name} does not come to its end")
            else:
                slot.finish()
        if left := self._trial.cloud.list(limit=200):
            stacks = Counter(item["tags"].get("landform:stack") for item in left)
            detail = f"{len(left)} resources are left at the end: {dict(stacks)}"
            self._tally.problem(Promise.ABANDONED, detail)

    def _check_trail(self) -> None:
        """Whatever was killed when, the audit trail is one chain that its anchors vouch for."""
        result = verify_trail(self._trial.ctx)
        for finding in result.findings:
            self._tally.problem(Promise.AUDIT, f"{finding.kind}: {finding.detail}")
        self._tally.fact("events in the audit trail", result.count)

    def _count_abandoned(self) -> None:
        found = self._trial.log_events("operation_abandoned")
        self._tally.fact("operations taken over from the dead", len(found))


def _all_live(slots: list[Slot]) -> bool:
    return all(slot.is_alive() for slot in slots)
