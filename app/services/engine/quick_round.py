"""Checks of the clock that one process makes together, asking their provider alone.

Each is compared with what Terraform found last (``app.services.engine.quick_check``). A round ends
at the first stack of which that does not tell enough; Terraform has to look at it. Whatever was
claimed for a round is ended or queued again when it is over. It takes no lock of a stack: it
starts nothing, and writes nothing but reports.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby

from app.clock import utc_now
from app.domain.drift import CheckedBy
from app.errors import FenceLostError, OperationCanceledError
from app.logs import get_logger
from app.services.context import Context
from app.services.engine.candidates import Candidate, find_candidates
from app.services.engine.check_ending import QuickResult, finish_quickly
from app.services.engine.claims import Claim, Heartbeat
from app.services.engine.drift_check import DriftResult
from app.services.engine.giving_way import GivingWay
from app.services.engine.recorder import Recorder
from app.services.engine.tag_search import find_strangers
from app.settings import keeper_socket
from app.storage.prepared_init import Installation
from app.storage.state_store import StateStore
from app.terraform.provider_loan import Loan, borrow
from app.terraform.provider_order import ProviderOrder

ROUND_SECONDS = 2.0
"""After which a round takes up no further stack: people may want one that it holds."""

log = get_logger(__name__)


class QuickRound:
    """The work on checks that this process has claimed together."""

    def __init__(
        self, ctx: Context, claims: Sequence[Claim], store: StateStore, installation: Installation
    ) -> None:
        """Prepare.

        Args:
            ctx: the adapters.
            claims: the checks, in the order in which they are made.
            store: has the states of all of their stacks.
            installation: the Terraform that would look.
        """
        self._ctx = ctx
        self._store = store
        self._installation = installation
        self._open = list(claims)
        """Neither ended nor queued again yet."""
        self._made: list[QuickResult] = []
        self._began = time.monotonic()

    def carry_out(self) -> Claim | None:
        """Make the checks; return the one that Terraform has to make, which is still claimed."""
        found = find_candidates(self._ctx, self._open, self._store, self._installation)
        try:
            left = self._look_at_all(found)
        except (OperationCanceledError, FenceLostError):
            left = None  # it is put back with the others, unless it was taken over
        self._close(left)
        return left

    def _look_at_all(self, found: dict[Claim, Candidate]) -> Claim | None:
        def order_of(claim: Claim) -> ProviderOrder | None:
            return found[claim].order if claim in found else None

        for order, claims in groupby([*self._open], order_of):
            if order is None:
                return next(claims)
            with borrow(keeper_socket(self._ctx.settings.home_dir), order) as loan:
                for claim in claims:
                    if self._made and self._is_over:
                        return None
                    if loan is None or not self._look_at(found[claim], loan):
                        return claim
        return None

    def _look_at(self, candidate: Candidate, loan: Loan) -> bool:
        """Make one check; tell whether all is as it was."""
        began_at, seconds = utc_now(), self._ctx.settings.plan_timeout_seconds
        loan.is_good = False
        proof = self._read(candidate, loan, seconds)
        # Also one that Terraform has not configured yet is good: that is what it is needed for.
        loan.is_good = proof is not None or not loan.is_configured
        if proof != candidate.baseline.proof:
            return False
        strangers = find_strangers(
            candidate.cloud,
            candidate.credentials,
            candidate.region,
            candidate.claim.stack_id,
            candidate.state,
        )
        known = candidate.baseline
        self._made.append(
            QuickResult(
                candidate.claim,
                DriftResult.of(known.found, strangers, CheckedBy.PROVIDER, None),
                began_at,
                f"{candidate.basis.in_words} as at {known.found_at:%Y-%m-%d %H:%M:%S} UTC, when "
                "Terraform compared all; nothing else that it plans from has changed.",
            )
        )
        return True

    def _read(self, candidate: Candidate, loan: Loan, seconds: float) -> str | None:
        """Have one stack read, however long it takes, unless people do not want that.

        Raises:
            FenceLostError: this process must write nothing more of it.
            OperationCanceledError: people canceled it, or want something else of the stack.
        """
        claim = candidate.claim
        recorder = Recorder(self._ctx, claim, Heartbeat(self._ctx, claim))
        giving_way = GivingWay(self._ctx, claim)

        def poll() -> None:
            if self._is_over and self._open != [claim]:
                self._close(claim)
            recorder.poll()
            if recorder.is_cancel_requested or giving_way.poll():
                raise OperationCanceledError("Canceled before anything was changed.")

        try:
            return candidate.basis.proof(self._ctx.keys, loan, seconds, poll)
        except OperationCanceledError:
            if giving_way.is_wanted and giving_way.queue_again():
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
