"""One look for drift by Terraform: what was created outside, and what differs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from sqlalchemy.orm import Session

from app.clock import utc_now
from app.clouds.login import CloudLogin
from app.domain.drift import CheckedBy
from app.models import Stack
from app.services.cloud_accounts.credentials import sign_in
from app.services.context import Context
from app.services.drift.baselines import Baseline
from app.services.engine.claims import Claim
from app.services.engine.drift_check import DriftResult, compare
from app.services.engine.drift_fingerprint import CheckInputs
from app.services.engine.tag_search import UnmanagedResources, find_unmanaged
from app.services.engine.workspace import Workspace
from app.services.queue.order import STACK_ALONE
from app.terraform.cli import Terraform
from app.terraform.provider_lease import ProviderLease


class TerraformCheck:
    """The work of one check in its run directory; ``see`` may be called twice."""

    def __init__(
        self,
        ctx: Context,
        claim: Claim,
        space: Workspace,
        inputs: CheckInputs | None,
        on_poll: Callable[[], None],
    ) -> None:
        """Prepare.

        Args:
            ctx: the adapters.
            claim: the check.
            space: its run directory, initialised.
            inputs: from what it follows, if a reading can be compared with another.
            on_poll: called several times a second while only a provider is asked.
        """
        self._ctx = ctx
        self._claim = claim
        self._space = space
        self._inputs = inputs
        self._on_poll = on_poll

    def see(self, terraform: Terraform, lease: ProviderLease | None) -> DriftResult:
        """Compare, and keep what later scheduled checks may be compared with.

        The provider is asked before and after: only what reads the same both times is what
        Terraform has seen.

        Args:
            terraform: in the run directory.
            lease: the kept provider that it reattaches to, if any.

        Raises:
            TerraformError: a plan failed, so nothing is known.
        """
        unmanaged, before = self._unmanaged, self._proof(lease)
        seconds = self._ctx.settings.plan_timeout_seconds
        found, settled = compare(terraform, self._space, seconds)
        is_still_so = before is not None and self._proof(lease) == before
        baseline = Baseline(before, found, utc_now()) if before and is_still_so else None
        return DriftResult.of(found, unmanaged, CheckedBy.TERRAFORM, baseline, settled)

    def _proof(self, lease: ProviderLease | None) -> str | None:
        if lease is None or self._inputs is None:
            return None
        seconds = self._ctx.settings.plan_timeout_seconds
        return self._inputs.fingerprint(self._ctx.keys, lease, seconds, self._on_poll)

    @cached_property
    def _unmanaged(self) -> UnmanagedResources:
        def read(session: Session) -> tuple[Stack, CloudLogin, str]:
            stack = session.get_one(Stack, self._claim.stack_id, options=STACK_ALONE)
            region = self._ctx.catalog.cloud(stack.cloud).region(stack.region).provider_name
            return stack, sign_in(self._ctx, stack.cloud_account), region

        stack, login, region = self._ctx.ask(read)
        state = self._space.directory.state_bytes()
        known = stack.let_go_names
        return find_unmanaged(stack.cloud, login, region, stack.id, state, known)
