"""One look for drift: what was created outside, and what differs, by the cheapest sure way."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from app.domain.drift import CheckedBy
from app.models import Stack
from app.services.context import Context
from app.services.engine.claims import Claim
from app.services.engine.drift_check import DriftResult, compare
from app.services.engine.quick_check import QuickCheck
from app.services.engine.recorder import Recorder
from app.services.engine.tag_search import Strangers, find_strangers
from app.services.engine.workspace import Workspace
from app.services.operation_queue import STACK_ALONE
from app.services.secrets import open_credentials
from app.storage.prepared_init import PreparedInit
from app.terraform.cli import Terraform
from app.terraform.provider_loan import Loan


class DriftLook:
    """The work of one check in its run directory; ``see`` may be called twice."""

    def __init__(
        self,
        ctx: Context,
        claim: Claim,
        space: Workspace,
        prepared: PreparedInit,
        recorder: Recorder,
        on_poll: Callable[[], None],
    ) -> None:
        """Prepare; ``on_poll`` is called several times a second while only a provider is asked."""
        self._ctx = ctx
        self._claim = claim
        self._space = space
        self._recorder = recorder
        self._on_poll = on_poll
        self._quick = QuickCheck(ctx, claim, space, prepared)

    def see(self, terraform: Terraform, loan: Loan | None) -> DriftResult:
        """Ask the provider alone if that is enough, else Terraform.

        Args:
            terraform: in the run directory.
            loan: the kept provider that it reattaches to, if any.

        Raises:
            TerraformError: a plan failed, so nothing is known.
        """
        strangers = self._strangers
        known = self._quick.known(loan, self._on_poll) if loan is not None else None
        if known is not None:
            self._recorder.note(
                f"{self._quick.resources_in_words} as at {known.found_at:%Y-%m-%d %H:%M:%S} UTC, "
                "when Terraform compared all; nothing else that it plans from has changed.",
                type_="quick_check",
            )
            return DriftResult.of(known.found, strangers, CheckedBy.PROVIDER, None)
        found = compare(terraform, self._space, self._ctx.settings.plan_timeout_seconds)
        baseline = self._quick.baseline(found, loan, self._on_poll) if loan is not None else None
        return DriftResult.of(found, strangers, CheckedBy.TERRAFORM, baseline)

    @cached_property
    def _strangers(self) -> Strangers:
        with self._ctx.read() as session:
            stack = session.get_one(Stack, self._claim.stack_id, options=STACK_ALONE)
            credentials = open_credentials(self._ctx.keys, stack.cloud_account)
            region = self._ctx.catalog.cloud(stack.cloud).region(stack.region).provider_name
        state = self._space.directory.state_bytes()
        return find_strangers(stack.cloud, credentials, region, stack.id, state)
