"""One look for drift by Terraform: what was created outside, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from app.clock import utc_now
from app.domain.drift import CheckedBy
from app.models import Stack
from app.services.context import Context
from app.services.drift.baselines import Baseline
from app.services.engine.claims import Claim
from app.services.engine.drift_check import DriftResult, compare
from app.services.engine.quick_check import Basis
from app.services.engine.tag_search import Strangers, find_strangers
from app.services.engine.workspace import Workspace
from app.services.operation_queue import STACK_ALONE
from app.services.secrets import open_credentials
from app.terraform.cli import Terraform
from app.terraform.provider_loan import Loan


class DriftLook:
    """The work of one check in its run directory; ``see`` may be called twice."""

    def __init__(
        self,
        ctx: Context,
        claim: Claim,
        space: Workspace,
        basis: Basis | None,
        on_poll: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            ctx: the adapters.
            claim: the check.
            space: its run directory, initialised.
            basis: from what it follows, if a reading can be compared with another.
            on_poll: called several times a second while only a provider is asked.
        """
        self._ctx = ctx
        self._claim = claim
        self._space = space
        self._basis = basis
        self._on_poll = on_poll

    def see(self, terraform: Terraform, loan: Loan | None) -> DriftResult:
        """Compare, and keep what later checks of the clock may be compared with.

        The provider is asked before and after: only what reads the same both times is what
        Terraform has seen.

        Args:
            terraform: in the run directory.
            loan: the kept provider that it reattaches to, if any.

        Raises:
            TerraformError: a plan failed, so nothing is known.
        """
        strangers, before = self._strangers, self._proof(loan)
        found = compare(terraform, self._space, self._ctx.settings.plan_timeout_seconds)
        is_still_so = before is not None and self._proof(loan) == before
        baseline = Baseline(before, found, utc_now()) if before and is_still_so else None
        return DriftResult.of(found, strangers, CheckedBy.TERRAFORM, baseline)

    def _proof(self, loan: Loan | None) -> str | None:
        if loan is None or self._basis is None:
            return None
        seconds = self._ctx.settings.plan_timeout_seconds
        return self._basis.proof(self._ctx.keys, loan, seconds, self._on_poll)

    @cached_property
    def _strangers(self) -> Strangers:
        with self._ctx.read() as session:
            stack = session.get_one(Stack, self._claim.stack_id, options=STACK_ALONE)
            credentials = open_credentials(self._ctx.keys, stack.cloud_account)
            region = self._ctx.catalog.cloud(stack.cloud).region(stack.region).provider_name
        state = self._space.directory.state_bytes()
        return find_strangers(stack.cloud, credentials, region, stack.id, state)
