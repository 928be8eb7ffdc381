"""Scheduled checks that one process makes together, asking their provider alone.

Each is compared with what Terraform found last (``drift_fingerprint``). A batch ends
at the first stack of which that does not tell enough; Terraform has to look at it. Whatever was
claimed for a batch is ended or queued again when it is over. It takes no lock of a stack: it
starts nothing, and writes nothing but reports.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

from app.clock import utc_now
from app.clouds.account_errors import CloudAccountRefusedError
from app.config.settings import pool_socket
from app.domain.drift import CheckedBy
from app.domain.operation_errors import FenceLostError, OperationCanceledError
from app.logs import get_logger
from app.services.context import Context
from app.services.engine.check_ending import QuickResult, finish_quickly
from app.services.engine.check_inputs import Programs, ProviderCheck, find_provider_checks
from app.services.engine.claims import Claim
from app.services.engine.drift_check import DriftResult
from app.services.engine.heartbeat import Heartbeat
from app.services.engine.preemption import Preemption
from app.services.engine.recorder import Recorder
from app.services.engine.tag_search import find_unmanaged
from app.storage.state_store import StateStore
from app.terraform.provider_lease import ProviderLease, acquire
from app.terraform.provider_spec import ProviderSpec
from app.tracing.tracer import record

ROUND_SECONDS = 2.0
"""After which a batch takes up no further stack: people may want one that it holds."""

log = get_logger(__name__)


class ProviderBatch:
    """The work on checks that this process has claimed together."""

    def __init__(
        self, ctx: Context, claims: Sequence[Claim], store: StateStore, programs: Programs
    ) -> None:
        """Prepare.

        Args:
            ctx: the adapters.
            claims: the checks, in the order in which they are made.
            store: has the states of all of their stacks.
            programs: the Terraform that would look.
        """
        self._ctx = ctx
        self._store = store
        self._programs = programs
        self._open = list(claims)
        """Neither ended nor queued again yet."""
        self._made: list[QuickResult] = []
        self._began = time.monotonic()

    def carry_out(self) -> Claim | None:
        """Make the checks; return the one that Terraform has to make, which is still claimed."""
        found = find_provider_checks(self._ctx, self._open, self._store, self._programs)
        try:
            left = self._look_at_all(found)
        except (OperationCanceledError, FenceLostError):
            left = None  # it is put back with the others, unless it was taken over
        self._close(left)
        return left

    def _look_at_all(self, found: dict[Claim, ProviderCheck]) -> Claim | None:
        def spec_of(claim: Claim) -> ProviderSpec | None:
            return found[claim].spec if claim in found else None

        for spec, claims in groupby([*self._open], spec_of):
            if spec is None:
                return next(claims)
            with acquire(pool_socket(self._ctx.settings.home_dir), spec) as lease:
                for claim in claims:
                    if self._made and self._is_over:
                        return None
                    if lease is None or not self._look_at(found[claim], lease):
                        return claim
        return None

    def _look_at(self, check: ProviderCheck, lease: ProviderLease) -> bool:
        """Make one check; tell whether all is as it was."""
        began_at, seconds = utc_now(), self._ctx.settings.plan_timeout_seconds
        try:
            check.check_reach()
        except CloudAccountRefusedError:
            return False  # Terraform's own check is refused too, and says why
        lease.is_good = False
        fingerprint = self._read(check, lease, seconds)
        # Also one that Terraform has not configured yet is good: that is what it is needed for.
        lease.is_good = fingerprint is not None or not lease.is_configured
        if fingerprint != check.baseline.fingerprint:
            return False
        unmanaged = find_unmanaged(
            check.cloud,
            check.login,
            check.region,
            check.claim.stack_id,
            check.state,
            check.let_go,
        )
        origin = check.claim.origin
        record(
            "provider check",
            origin.trace,
            began_at,
            utc_now(),
            landform__stack__id=check.claim.stack_id,
        )
        known = check.baseline
        self._made.append(
            QuickResult(
                check.claim,
                DriftResult.of(known.found, unmanaged, CheckedBy.PROVIDER, None),
                began_at,
                f"{check.inputs.in_words} as at {known.found_at:%Y-%m-%d %H:%M:%S} UTC, when "
                "Terraform compared all; nothing else that it plans from has changed.",
            )
        )
        return True

    def _read(self, check: ProviderCheck, lease: ProviderLease, seconds: float) -> str | None:
        """Have one stack read, however long it takes, unless people do not want that.

        Raises:
            FenceLostError: this process must write nothing more of it.
            OperationCanceledError: people canceled it, or want something else of the stack.
        """
        claim = check.claim
        recorder = Recorder(self._ctx, claim, Heartbeat(self._ctx, claim))
        preemption = Preemption(self._ctx, claim)

        def poll() -> None:
            if self._is_over and self._open != [claim]:
                self._close(claim)
            recorder.poll()
            if recorder.is_cancel_requested or preemption.poll():
                raise OperationCanceledError("Canceled before anything was changed.")

        try:
            return check.inputs.fingerprint(self._ctx.keys, lease, seconds, poll)
        except OperationCanceledError:
            if preemption.is_wanted and preemption.queue_again():
                self._open.remove(claim)
            raise

    @property
    def _is_over(self) -> bool:
        return time.monotonic() - self._began > ROUND_SECONDS

    def _close(self, kept: Claim | None) -> None:
        """End what was made and queue the rest again, but for one that goes on."""
        made = {item.claim for item in self._made}
        unmade = [item for item in self._open if item not in made and item != kept]
        if made or unmade:
            finish_quickly(self._ctx, self._made, unmade)
            ids = [item.operation_id for item in made]
            log.info("quick_checks_made", operation_ids=sorted(ids), queued_again=len(unmade))
        self._made, self._open = [], [] if kept is None else [kept]
