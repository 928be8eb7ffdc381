"""Keep the lease of a claim, and notice in time that it could not be kept.

Where several hosts share the database, another one takes over once a lease is over. So whoever
could not renew its lease for two thirds of it stops Terraform itself, and kills it before the
lease ends. It counts with the clock of this machine that no correction touches.
"""

from __future__ import annotations

import os
from datetime import timedelta

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.clock import boot_seconds
from app.db import database_now
from app.domain.interruptions import LeaseLapsedError
from app.domain.operations import OWNED
from app.logs import get_logger
from app.models import Operation
from app.services.context import Context
from app.services.engine.claims import Claim
from app.storage.lease_files import LeaseFiles, LeaseNote
from app.terraform.identity import ProcessIdentity

RENEWALS = 12
"""How often a lease is renewed while it lasts; few of them may fail for it to hold all the same."""

STOP_AFTER = 2 / 3
KILL_AFTER = 0.9
"""Parts of a lease after which Terraform is asked to stop, and killed."""

LEAST_GRACE_SECONDS = 0.5

log = get_logger(__name__)


class Heartbeat:
    """Renews the lease of a claim; ``poll`` is called many times a second while the work goes on.

    It has no thread of its own on purpose. The kernel interrupts Terraform once for each thread of
    a worker that dies after the one that started it, and at a second interrupt Terraform drops what
    it is creating (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self, ctx: Context, claim: Claim) -> None:
        """Begin with the lease that the claim brought."""
        self._ctx = ctx
        self._claim = claim
        self._lease_seconds = ctx.settings.lease_seconds
        self._beaten_at = self._renewed_at = claim.taken_at
        self._files = LeaseFiles(ctx.settings.work_dir)
        self._is_noted = False
        self.is_lost = False

    def poll(self) -> None:
        """Renew the lease if it is time."""
        now = boot_seconds()
        if now - self._beaten_at < self._lease_seconds / RENEWALS:
            return
        self._beaten_at = now
        try:
            self.is_lost = not self._beat()
        except SQLAlchemyError as error:
            # The lease lapses if this goes on.
            log.warning("heartbeat_failed", operation_id=self._claim.operation_id, error=str(error))
            return
        self._renewed_at = now
        if self._is_noted:
            self._note()

    def note_for_watchdog(self) -> None:
        """Have the watchdog of this host stop Terraform in time, should this process not."""
        if self._ctx.db.is_shared:
            self._is_noted = True
            self._note()

    def forget_note(self) -> None:
        """Tell the watchdog that Terraform has ended."""
        self._is_noted = False
        self._files.remove(self._claim.operation_id)

    def require_lease(self) -> None:
        """Go on only while no other host may take the operation over.

        Raises:
            LeaseLapsedError: it could not be renewed for so long that Terraform has to stop.
        """
        silence = boot_seconds() - self._renewed_at
        if not self._ctx.db.is_shared or silence < self._lease_seconds * STOP_AFTER:
            return
        self._note(is_stopping=True)
        log.error("lease_lapsed", operation_id=self._claim.operation_id, seconds=silence)
        left = self._lease_seconds * KILL_AFTER - silence
        raise LeaseLapsedError(
            f"The lease could not be renewed for {silence:.0f} s, so Terraform was stopped before "
            "another host may take the operation over.",
            grace_seconds=max(left, LEAST_GRACE_SECONDS),
        )

    def _note(self, *, is_stopping: bool = False) -> None:
        own = ProcessIdentity.of(os.getpid()).to_dict()
        note = LeaseNote(
            self._claim.operation_id, own, self._renewed_at, self._lease_seconds, is_stopping
        )
        try:
            self._files.write(note)
        except OSError as error:
            log.warning("lease_not_noted", operation_id=self._claim.operation_id, error=str(error))

    def _beat(self) -> bool:
        lease = timedelta(seconds=self._lease_seconds)

        def renew(session: Session) -> bool:
            now = database_now(session)
            renewal = (
                update(Operation)
                .where(
                    Operation.id == self._claim.operation_id,
                    Operation.fence == self._claim.fence,
                    Operation.status.in_(OWNED),
                )
                .values(heartbeat_at=now, lease_expires_at=now + lease)
            )
            return session.execute(renewal.returning(Operation.id)).scalar_one_or_none() is not None

        return self._ctx.persist(renew, patience_seconds=0)  # Terraform must not be left alone
