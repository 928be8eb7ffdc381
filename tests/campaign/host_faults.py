"""Faults of whole hosts: killed, cut off, paused, without room, restarted; and of their Redis.

One at a time. What the host held at that moment is watched until its stack can be used again: the
operation has ended, or is in other hands. No other operation may feel anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

from sqlalchemy import select

from app.domain.operations import OWNED, OperationStatus
from app.models import Instance, Operation
from tests.campaign.disturber import Disturber
from tests.campaign.findings import Kill, Promise, Tally
from tests.campaign.fleet import LEASE_SECONDS, Blow, FleetTrial
from tests.campaign.hosts import Host
from tests.campaign.trial import Ground

TAKEOVER_SECONDS = 10.0
"""How long after the end of a lease others leave an operation alone."""

FREE_SECONDS = 150.0
"""Who waits longer than this for a stack of a host that has a fault is stuck."""

BACK_SECONDS = 300.0
BUSY_SECONDS = 8.0
BUSY_DELAY_SECONDS = 3.0
DRAIN_SECONDS = 240.0
NOTICE_SECONDS = 4.0
"""How long the balancer takes to see that a host is drained."""

CLOCK = "clock set"
CLOCK_SECONDS = (-45, 45)
"""How far a clock is off: tokens allow for a minute."""

HOST_KINDS = {
    "host killed": 24,
    "host killed, its disk lost": 6,
    "network cut": 22,
    "host paused": 14,
    "disk full": 10,
    CLOCK: 10,
    "host restarted": 12,
    "Redis": 12,
}


@dataclass(frozen=True)
class Held:
    """An operation of a host at the moment of a fault."""

    id: str
    during: str
    fence: int


class Waits:
    """How long after ``began`` each operation that was held is free; ``freed`` has the seconds."""

    def __init__(self, ground: Ground, held: list[Held], began: float) -> None:
        self._ground = ground
        self._held = held
        self._began = began
        self.freed: dict[str, float] = {}

    def watch(self, seconds: float, *, until_all: bool = False) -> None:
        """Look for so many seconds, or until all are free."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for item in self._held:
                if item.id not in self.freed and self._is_free(item):
                    self.freed[item.id] = time.monotonic() - self._began
            if until_all and len(self.freed) == len(self._held):
                break
            time.sleep(0.1)

    def _is_free(self, item: Held) -> bool:
        now = self._ground.operation(item.id)
        return now.status not in OWNED or now.fence != item.fence


class HostFaults(Disturber):
    """Draws a fault, lets it last, ends it, and waits until the host is back."""

    def __init__(
        self,
        seed: int,
        trial: FleetTrial,
        tally: Tally,
        kinds: Sequence[str] = (),
        longest_cut_seconds: float = 120.0,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Prepare.

        Args:
            seed: decides what happens when to which host.
            trial: the hosts.
            tally: where it is counted.
            kinds: of faults, all by default.
            longest_cut_seconds: how long a cable is out at most.
            say: is told of each fault.
        """
        super().__init__(seed, trial, tally)
        has_clocks = all(host.clock is not None for host in trial.fleet.hosts)
        wanted = [name for name in kinds or HOST_KINDS if has_clocks or name != CLOCK]
        if not has_clocks:
            say("no clock is set: that takes a C compiler, and there is none on this machine")
        self.kinds = {name: HOST_KINDS[name] for name in wanted}
        self._say = say
        self._trial: FleetTrial = trial
        self._longest_cut_seconds = longest_cut_seconds
        self._random = Random(f"{seed}-hosts")

    def disturb(self, what: str) -> None:
        """Have one fault, from its beginning until everything is as before."""
        with self._one_at_a_time:
            self.strikes += 1
            if what == "Redis":
                self._take_redis()
            elif what == "host restarted":
                self._restart(self._random.choice(self._trial.fleet.hosts))
            else:
                self._strike(what, self._random.choice(self._trial.fleet.hosts))

    def held_by(self, host: Host) -> list[Held]:
        """Return what a host holds now."""
        columns = (Operation.id, Operation.type, Operation.status, Operation.fence)
        query = (
            select(*columns)
            .join(Instance, Instance.id == Operation.instance_id)
            .where(Instance.name == host.name, Operation.status.in_(OWNED))
        )
        rows = self._trial.look(lambda session: session.execute(query).all())
        return [Held(row.id, f"{row.type} {row.status}", row.fence) for row in rows]

    def _take_redis(self) -> None:
        waiting, redis = self._pending(), self._trial.shared.redis
        redis.kill()
        time.sleep(self._random.uniform(0.2, 4.0))
        redis.start()
        self._await("Redis", lambda: True, waiting, time.monotonic())

    def _restart(self, host: Host) -> None:
        """Drain a host, stop it and start it again: nothing that it runs may be disturbed."""
        began, waiting = time.monotonic(), self._pending()
        host.drain(DRAIN_SECONDS)
        time.sleep(NOTICE_SECONDS)
        host.stop()
        host.start()
        host.wait_until_ready()
        self._wait_until_back(host)
        self._tally.outcome(f"restarted in {10 * round((time.monotonic() - began) / 10)} s")
        self._await("host restarted", lambda: True, waiting, time.monotonic())

    def _strike(self, what: str, host: Host) -> None:
        begin, end, seconds = self._plan(what, host)
        self._wait_until_busy(host)
        blow = Blow(host.name, excuses=what != CLOCK)
        self._trial.blows.append(blow)
        began = time.monotonic()
        begin()
        held = self.held_by(host)
        self._say(f"{what}: {host.name} for {seconds:.0f} s, which held {len(held)} operations")
        waits = Waits(self._trial, held, began)
        waits.watch(seconds)
        end()
        waits.watch(FREE_SECONDS, until_all=True)
        tell(self._tally, what, host.name, held, waits.freed)
        self._wait_until_back(host)
        blow.end()

    def _plan(
        self, what: str, host: Host
    ) -> tuple[Callable[[], object], Callable[[], object], float]:
        """Return how a fault begins and ends, and how long it lasts."""
        random, lease = self._random, LEASE_SECONDS
        if what.startswith("host killed"):
            is_disk_lost = "disk" in what
            return host.kill, partial(_start, host, is_disk_lost), random.uniform(0.5, 2 * lease)
        if what == "network cut":
            return host.cut, host.heal, random.uniform(2.0, self._longest_cut_seconds)
        if what == CLOCK and host.clock is not None:
            ahead, put = random.randint(*CLOCK_SECONDS), host.clock.put_ahead
            return partial(put, ahead), partial(put, 0), random.uniform(10.0, 60.0)
        if what == "host paused":
            least = lease + TAKEOVER_SECONDS
            return host.pause, host.go_on, random.uniform(least, least + 15.0)
        return host.fill_disk, host.free_disk, random.uniform(5.0, 30.0)

    def _wait_until_busy(self, host: Host) -> None:
        """Most faults shall hit something: wait a moment until the host holds an operation."""
        deadline = time.monotonic() + BUSY_SECONDS
        while not self.held_by(host) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(self._random.uniform(0, BUSY_DELAY_SECONDS))

    def _wait_until_back(self, host: Host) -> None:
        """Wait until requests are sent to the host again."""
        place = self._trial.fleet.hosts.index(host)
        deadline = time.monotonic() + BACK_SECONDS
        while not (self._trial.fleet.http.ready()[place] and host.is_ready()):
            if time.monotonic() > deadline:
                self._tally.problem(Promise.STUCK, f"{host.name} does not come back")
                return
            time.sleep(0.2)


def _start(host: Host, is_disk_lost: bool) -> None:
    if is_disk_lost:
        host.forget_disk()
    host.start()


def tell(tally: Tally, what: str, name: str, held: list[Held], freed: dict[str, float]) -> None:
    """Count what became of each operation that the host of that name held."""
    if not held:
        tally.kill(Kill(what, "idle", None))
    for item in held:
        tally.kill(Kill(what, item.during, freed.get(item.id)))
        if item.id not in freed:
            detail = f"{item.id} {item.during} of {name} is not free after: {what}"
            tally.problem(Promise.STUCK, detail)


class RollingRestarts(HostFaults):
    """Restarts all hosts, one after another, again and again: drain, stop, start."""

    def __init__(self, seed: int, trial: FleetTrial, tally: Tally, rounds: int) -> None:
        super().__init__(seed, trial, tally)
        self._rounds = rounds

    def work(self) -> None:
        for _ in range(self._rounds):
            for host in self._trial.fleet.hosts:
                if self._stop_asked.is_set():
                    return
                with self._one_at_a_time:
                    self.strikes += 1
                    self._restart(host)


def judge_undisturbed(ground: Ground, tally: Tally) -> None:
    """Where hosts were only restarted, no apply may have been cut off or begun twice."""
    query = select(Operation).where(Operation.has_applied)
    applies = ground.look(lambda session: list(session.scalars(query)))
    tally.fact("applies", len(applies))
    for item in applies:
        if item.status == OperationStatus.INTERRUPTED or item.fence > 1:
            detail = f"{item.id} {item.type} {item.status} at fence {item.fence}"
            tally.problem(Promise.OUTCOME, f"{detail}: a restart of hosts must not touch it")
