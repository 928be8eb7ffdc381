"""The periodic duties of Landform as a table, and one round over those that are due.

Each is guarded by itself: whatever goes wrong in one of them, also a bug, the others are done.
What must not wait for a free worker or for Redis stands here; drift checks are queued by the tick.
Duties of the host look after what only its own processes can see; every host with workers does
them, in its scheduler or its agent. The others are done by the one scheduler that leads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from app.clock import utc_now
from app.logs import get_logger
from app.services.access import SYSTEM_PRINCIPAL
from app.services.audit_trail.anchors import Anchorer
from app.services.context import Context
from app.services.drift.digest import tell_digests
from app.services.drift.rules import uncover_expired
from app.services.drift.sweep import tell_unknown
from app.services.drift.trend import count_today
from app.services.engine.carried_plans import drop_ended
from app.services.engine.recovery.dead_runs import reap
from app.services.engine.recovery.orphan_search import search_orphans
from app.services.engine.recovery.run_directories import remove_leftovers, save_unsaved
from app.services.idempotency import forget_expired
from app.services.identity.throttle import forget_old_failures
from app.services.installation.disk_reserve import keep_ballasts
from app.services.installation.duties import DutyReport, record_duties
from app.services.installation.health import record_scheduler_beat, record_trouble
from app.services.installation.history import HistoryKeeper
from app.services.installation.hosts import forget_instances
from app.services.installation.instances import beat_instance
from app.services.installation.shared_locks import forget_host_locks, keep_host_lock
from app.services.queue.dispatch import record_capacity
from app.services.queue.redelivery import notify_again
from app.services.state.held_resources import keep_missing_keys
from app.services.state.retention import prune_states
from app.services.webhooks.deliveries import forget_old
from app.services.work import perform

ROUND_SECONDS = 2.0
# An idle Landform must cost next to nothing: only what people wait for is done in every round.
SOON_SECONDS = 5.0
LATER_SECONDS = 10.0
MINUTE_SECONDS = 60.0

log = get_logger(__name__)


class RunsOn(StrEnum):
    """Where a duty has to be done: on every host with workers, or once for all of them."""

    HOST = "host"
    LEADER = "leader"


@dataclass(frozen=True)
class Duty:
    """Something that is done again and again.

    Args:
        name: verb and noun, as metrics and logs show it.
        work: does it once. A duty that removes what is old does a little at a time and returns
            how much, so that a round stays short; while that is not 0 it is due at once.
        every_seconds: at least so long between two times.
        needs_redis: whether it is left out while Redis does not answer, neither done nor failed.
        runs_on: where it has to be done.
    """

    name: str
    work: Callable[[Context], object]
    every_seconds: float = ROUND_SECONDS
    needs_redis: bool = False
    runs_on: RunsOn = RunsOn.LEADER


def _recover(ctx: Context) -> None:
    reap(ctx)


HOST_DUTIES = (
    Duty("keep_host_lock", keep_host_lock, runs_on=RunsOn.HOST),
    Duty("renew_instance", beat_instance, runs_on=RunsOn.HOST),
    Duty("keep_disk_reserve", keep_ballasts, LATER_SECONDS, runs_on=RunsOn.HOST),
    Duty("recover_operations", _recover, runs_on=RunsOn.HOST),
    Duty("save_unsaved_states", save_unsaved, SOON_SECONDS, runs_on=RunsOn.HOST),
    Duty("remove_run_directories", remove_leftovers, runs_on=RunsOn.HOST),
)
"""What the agent of a host does; a scheduler does it too."""


def duties_of(anchorer: Anchorer) -> tuple[Duty, ...]:
    """Return the whole table, in the order in which the duties are done."""
    return (
        Duty("record_scheduler_beat", record_scheduler_beat, LATER_SECONDS),
        Duty("record_trouble", record_trouble, LATER_SECONDS),
        Duty("record_capacity", record_capacity, SOON_SECONDS),
        *HOST_DUTIES,
        Duty("search_orphans", search_orphans, SOON_SECONDS),
        Duty("learn_held_resources", keep_missing_keys, MINUTE_SECONDS),
        Duty("uncover_expired_rules", uncover_expired, MINUTE_SECONDS),
        Duty("tell_unknown_drift", tell_unknown, MINUTE_SECONDS),
        Duty("tell_drift_digests", tell_digests, MINUTE_SECONDS),
        Duty("count_drift", count_today, 600.0),
        Duty("notify_workers", notify_again, needs_redis=True),
        Duty("forget_idempotency_keys", _forget_idempotency_keys, MINUTE_SECONDS),
        Duty("forget_failed_sign_ins", _forget_failed_sign_ins, MINUTE_SECONDS),
        Duty("forget_instances", _forget_instances, 3600.0),
        Duty("forget_host_locks", forget_host_locks, 3600.0),
        Duty("remove_old_states", prune_states, 3600.0),
        Duty("remove_carried_plans", drop_ended, 3600.0),
        Duty("remove_old_deliveries", _remove_old_deliveries, 3600.0),
        Duty("remove_old_history", HistoryKeeper().take_step, 900.0),
        Duty("anchor_audit_trail", lambda _: anchorer.keep()),
    )


class DutyRoster:
    """Knows when each duty is due and how it is."""

    def __init__(
        self,
        ctx: Context,
        duties: Sequence[Duty],
        *,
        leads: Callable[[], bool] = lambda: True,
        tells: bool = True,
    ) -> None:
        """Begin with all of them due.

        Args:
            ctx: what they work with.
            duties: in the order in which they are done.
            leads: tells whether this process leads; the leader's duties stay due while it does not.
            tells: whether the leader's last duty is to tell SQL how the duties are.
        """
        self._ctx, self._leads = ctx, leads
        telling = Duty("record_duties", lambda ctx: record_duties(ctx, self.reports), LATER_SECONDS)
        self._duties = (*duties, telling) if tells else tuple(duties)
        self._due_at = dict.fromkeys((duty.name for duty in self._duties), 0.0)
        self._reports = {duty.name: DutyReport(duty.name) for duty in duties}

    @property
    def reports(self) -> list[DutyReport]:
        """How the duties are."""
        return list(self._reports.values())

    def go_round(self) -> None:
        """Do what is due, each guarded by itself."""
        due = [duty for duty in self._duties if time.monotonic() >= self._due_at[duty.name]]
        has_redis = any(duty.needs_redis for duty in due) and self._ctx.notifier.is_reachable()
        for duty in due:
            if self._may_do(duty, has_redis):
                self._do(duty)

    def _may_do(self, duty: Duty, has_redis: bool) -> bool:
        """Ask before each duty: a lease may lapse while the one before it takes long."""
        if duty.needs_redis and not has_redis:
            return False
        return duty.runs_on is RunsOn.HOST or self._leads()

    def _do(self, duty: Duty) -> None:
        report = self._reports.get(duty.name) or DutyReport(duty.name)
        now = utc_now().timestamp()
        try:
            left = duty.work(self._ctx)
        except Exception as error:  # broad: a bug in one duty must not keep the others undone
            log.error("duty_failed", duty=duty.name, error=str(error), exc_info=error)
            self._reports[duty.name] = replace(
                report,
                failing_since=report.failing_since or now,
                error=f"{type(error).__name__}: {error}",
            )
            left = None
        else:
            self._reports[duty.name] = DutyReport(duty.name, succeeded_at=now)
        is_unfinished = isinstance(left, int) and left > 0 and duty.every_seconds > ROUND_SECONDS
        self._due_at[duty.name] = 0.0 if is_unfinished else time.monotonic() + duty.every_seconds


def _forget_idempotency_keys(ctx: Context) -> None:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        forget_expired(work.session)


def _forget_failed_sign_ins(ctx: Context) -> None:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        forget_old_failures(work.session)


def _forget_instances(ctx: Context) -> None:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        forget_instances(work)


def _remove_old_deliveries(ctx: Context) -> int:
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        return forget_old(work.session)
