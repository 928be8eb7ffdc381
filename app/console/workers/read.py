"""What the page of the workers shows: who works on what, what waits, whether the scheduler runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.domain.operations import OWNED
from app.models import Operation
from app.queue.inspection import WorkerFacts
from app.services.access import Principal
from app.services.context import Context
from app.services.installation.health import SILENT_AFTER
from app.services.installation.hosts import Host, list_hosts
from app.services.installation.workers import RIGHT, Clock, Workforce, read_clock, read_workforce
from app.services.operations.queries import with_status
from app.services.paging import PageRequest
from app.services.queue.footprints import LearnedFootprint, list_footprints

LEASE_ROWS = 50
HOST_ROWS = 50


@dataclass(frozen=True)
class WorkerRow:
    """A worker, and what it is: ``idle``, ``busy``, ``suspended`` or ``silent``."""

    facts: WorkerFacts
    status: str


@dataclass(frozen=True)
class LeaseRow:
    """An operation that a process holds, and whether its lease is ``held`` or has ``lapsed``."""

    operation: Operation
    verdict: str


@dataclass(frozen=True)
class WorkersPage:
    """The whole page."""

    force: Workforce
    hosts: list[Host]
    workers: list[WorkerRow]
    leases: list[LeaseRow]
    clock: Clock
    is_scheduler_silent: bool
    tick_seconds: int
    project_limit: int
    drift_limit: int
    may_act: bool
    footprints: list[LearnedFootprint]

    @property
    def alive(self) -> int:
        """How many workers have beaten lately."""
        return sum(row.status != "silent" for row in self.workers)


def read_workers_page(ctx: Context, principal: Principal) -> WorkersPage:
    """Read the page; operations only of projects that the caller sees."""
    force, clock, now = read_workforce(ctx), read_clock(ctx), utc_now()
    with ctx.read() as session:
        held = with_status(session, principal, OWNED, LEASE_ROWS)
        leases = [_lease(operation, now) for operation in held]
        hosts = _hosts(session, principal)
        footprints = list_footprints(session)
    return WorkersPage(
        force=force,
        hosts=hosts,
        workers=[WorkerRow(facts, _status(facts, now)) for facts in force.workers],
        leases=leases,
        clock=clock,
        is_scheduler_silent=clock.round_at is None or now - clock.round_at > SILENT_AFTER,
        tick_seconds=ctx.settings.tick_seconds,
        project_limit=ctx.settings.project_limit,
        drift_limit=ctx.settings.drift_limit,
        may_act=principal.may(RIGHT),
        footprints=footprints,
    )


def _hosts(session: Session, principal: Principal) -> list[Host]:
    """Return the newest hosts, to those who may act on them."""
    if not principal.may(RIGHT):
        return []
    return [*list_hosts(session, principal, PageRequest(HOST_ROWS)).items]


def _status(facts: WorkerFacts, now: datetime) -> str:
    if facts.beat_at is None or now - facts.beat_at > SILENT_AFTER:
        return "silent"
    return facts.state or "idle"


def _lease(operation: Operation, now: datetime) -> LeaseRow:
    expires = operation.lease_expires_at
    is_held = expires is not None and expires > now
    return LeaseRow(operation, "held" if is_held else "lapsed")
