"""Stop the Terraform of a worker that cannot: one that is stopped, swapped out or hangs.

Looks at the notes that the workers of this host leave about their leases, and at processes; SQL is
not asked, because it may be what is away. A worker that did not renew its lease in time is killed:
the kernel then interrupts its Terraform, once. What has not stopped before the lease ends is
killed too, so that no other host takes over while this one still changes the cloud.
"""

from __future__ import annotations

from app.clock import boot_seconds
from app.errors import LandformError
from app.logs import get_logger
from app.services.context import Context
from app.services.engine.heartbeat import KILL_AFTER, STOP_AFTER
from app.storage.lease_files import LeaseFiles, LeaseNote
from app.terraform.identity import ProcessIdentity, find_working_in

MARGIN_SECONDS = 1.0
"""How much longer than a worker the watchdog waits: it is only there for workers that cannot."""

PAUSED_AFTER = 5.0
WAKE_SECONDS = 3.0
"""Whoever was not run for so long lets the workers, which were paused too, renew leases first."""

ODD = (OSError, KeyError, TypeError, ValueError, LandformError)
"""What a note may raise that somebody else wrote, or a process that ends while it is looked at."""

log = get_logger(__name__)


class LeaseWatch:
    """Looks after the leases of one host."""

    def __init__(self, ctx: Context) -> None:
        """Look at the work folder of ``ctx``."""
        self._runs = ctx.runs
        self._files = LeaseFiles(ctx.settings.work_dir)
        self._looked_at = boot_seconds()
        self._waits_until = 0.0

    def look(self) -> None:
        """Look at every lease once; call it about once a second."""
        now = boot_seconds()
        if now - self._looked_at > PAUSED_AFTER:
            self._waits_until = now + WAKE_SECONDS
        self._looked_at = now
        if now >= self._waits_until:
            for note in self._files.read_all():
                try:
                    self._judge(note, now)
                except ODD as error:  # one note must not hide the others
                    log.error("lease_not_judged", operation_id=note.operation_id, error=repr(error))

    def _judge(self, note: LeaseNote, now: float) -> None:
        owner = ProcessIdentity.from_dict(note.owner)
        working = find_working_in(self._runs.of(note.operation_id).path)
        is_alive = owner.is_local and owner.is_alive()
        if not is_alive and not working:
            self._files.remove(note.operation_id)
            return
        silence = now - note.renewed_at
        if not owner.is_local or silence >= note.lease_seconds * KILL_AFTER:
            self._kill(note, working)
            return
        is_silent = silence >= note.lease_seconds * STOP_AFTER + MARGIN_SECONDS
        # One that is stopping Terraform must live: at a second interrupt that drops its state.
        if is_silent and is_alive and not note.is_stopping and owner.kill():
            log.error("silent_worker_killed", operation_id=note.operation_id, pid=owner.pid)

    def _kill(self, note: LeaseNote, working: list[ProcessIdentity]) -> None:
        for process in working:
            if process.kill_group():
                log.error("terraform_killed", operation_id=note.operation_id, pid=process.pid)
