"""Let what people want of a stack pass a scheduled check that runs on it.

A check changes nothing, so it can be stopped at any moment and made again afterwards. Owns when
that has to be, and how the check goes back to the queue; the caller stops Terraform.
"""

from __future__ import annotations

import time

from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.domain.operation_registry import types_where
from app.domain.operations import OperationStatus
from app.domain.queueing import SYSTEM
from app.models import Operation
from app.services.context import Context
from app.services.engine.claims import Claim, write_fenced
from app.services.engine.requeueing import GAVE_WAY, give_back
from app.services.queue.order import is_blocked, notify_freed
from app.services.queue.reference_waits import waits_for_reference

LOOK_SECONDS = 1.0
GRACE_SECONDS = 5.0
"""How long Terraform may take to stop: a killed plan has changed nothing either."""


class Preemption:
    """Notices whether people wait for the stack that a scheduled check holds."""

    def __init__(self, ctx: Context, claim: Claim) -> None:
        """Look at the operations of the claimed one's stack, if that is a scheduled check."""
        self._ctx = ctx
        self._claim = claim
        self._looked_at = time.monotonic()  # most checks are over before the first look
        self.is_wanted = False

    @property
    def grace_seconds(self) -> float:
        """How long Terraform may take to stop after SIGINT."""
        allowed = self._ctx.settings.cancel_grace_seconds
        return min(GRACE_SECONDS, allowed) if self._claim.is_preemptible else allowed

    def poll(self) -> bool:
        """Tell whether the check must stop; asks SQL once a second at most."""
        if self._claim.is_preemptible and not self.is_wanted:
            now = time.monotonic()
            if now - self._looked_at >= LOOK_SECONDS:
                self._looked_at = now
                self.is_wanted = self._is_awaited()
        return self.is_wanted

    def _is_awaited(self) -> bool:
        waiting = exists().where(
            Operation.stack_id == self._claim.stack_id,
            Operation.status == OperationStatus.PENDING,
            Operation.requested_by != SYSTEM,
            Operation.type.not_in(
                types_where(lambda facts: facts.checks_drift)
            ),  # it wants what this one does
            ~is_blocked(Operation),
            ~waits_for_reference(Operation),
        )
        try:
            with self._ctx.read(patience_seconds=0) as session:
                return bool(session.scalar(select(waiting)))
        except SQLAlchemyError:
            return False  # a database that is away for a moment must not end the check

    def queue_again(self) -> bool:
        """Put the stopped check back into the queue, and have workers notified of what people want.

        Returns:
            Whether that was done; not when a person canceled the check itself.

        Raises:
            FenceLostError: the check has another owner.
        """

        def work(session: Session, operation: Operation) -> bool:
            if operation.status != OperationStatus.PLANNING:
                return False
            told = "Gave way to what people want of the stack; checked after that."
            give_back(self._ctx, session, operation, GAVE_WAY, told)
            notify_freed(session, operation.stack_id)
            return True

        return write_fenced(self._ctx, self._claim, work)
