"""A check for drift that asks the provider alone, where Terraform has nothing new to say.

A plan follows from the configuration, the recorded state and what the provider reads. When all of
it is as it was when Terraform last compared them, Terraform would find the same again. Owns the
proof of "as it was"; any doubt means that Terraform checks. A quick check can therefore miss only
what no reading of the stack's resources shows: what data sources look up, and the time of day.
``LANDFORM_DRIFT_FULL_SECONDS`` says how long that may stay unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from app.clock import utc_now
from app.domain.drift_comparison import Comparison
from app.domain.state_file import StateFile
from app.models import DriftBaseline
from app.services.context import Context
from app.services.engine.claims import Claim
from app.services.engine.workspace import Workspace
from app.storage.prepared_init import PreparedInit
from app.terraform.provider_loan import Loan
from app.terraform.provider_reading import RecordedResource, readable_resources

PURPOSE = "drift baseline"
READ_SECONDS = 60.0


@dataclass(frozen=True)
class Baseline:
    """What Terraform found, and a digest of all from which it did.

    Nobody can make ``proof`` without a key of the installation.
    """

    proof: str
    found: Comparison
    found_at: datetime


class QuickCheck:
    """The readings of one check."""

    def __init__(
        self, ctx: Context, claim: Claim, space: Workspace, prepared: PreparedInit
    ) -> None:
        """Prepare; ``space`` is initialised."""
        self._ctx = ctx
        self._claim = claim
        self._space = space
        self._prepared = prepared
        self._before: str | None = None

    def known(self, loan: Loan, on_poll: Callable[[], None]) -> Baseline | None:
        """Return what Terraform found last, if all is as it was then.

        It is asked only for checks of the clock: who asks for a check wants all that can be known.
        """
        self._before = self._proof(loan, on_poll)
        if self._before is None or not self._claim.gives_way:
            return None
        with self._ctx.read() as session:
            row = session.get(DriftBaseline, self._claim.stack_id)
        oldest = utc_now() - timedelta(seconds=self._ctx.settings.drift_full_seconds)
        if row is None or row.proof != self._before or row.found_at <= oldest:
            return None
        return Baseline(row.proof, Comparison.from_dict(row.found), row.found_at)

    def baseline(
        self, found: Comparison, loan: Loan, on_poll: Callable[[], None]
    ) -> Baseline | None:
        """Return what later checks may be compared with, once Terraform has ``found`` something.

        The provider is asked again: only what reads the same before and after Terraform's own
        check is what Terraform has seen.
        """
        if self._before is None or self._proof(loan, on_poll) != self._before:
            return None
        return Baseline(self._before, found, utc_now())

    def _proof(self, loan: Loan, on_poll: Callable[[], None]) -> str | None:
        if not loan.is_configured or self._resources is None or self._fixed is None:
            return None
        seconds = min(READ_SECONDS, self._ctx.settings.plan_timeout_seconds)
        reading = loan.read(self._resources, seconds, on_poll)
        if reading is None:
            return None
        # Keyed: a plain digest of a state would let guesses of its secrets be tried.
        return self._ctx.keys.sign(b"\0".join([*self._fixed, reading.encode()]), PURPOSE)[1]

    @cached_property
    def resources_in_words(self) -> str:
        """Say how many resources are read."""
        count = len(self._resources or ())
        return "1 resource reads" if count == 1 else f"{count} resources read"

    @cached_property
    def _resources(self) -> tuple[RecordedResource, ...] | None:
        kept, data = self._space.kept_provider, self._space.directory.state_bytes()
        if kept is None or data is None or self._ctx.settings.drift_full_seconds == 0:
            return None
        return readable_resources(StateFile.parse(data), kept.source, self._space.moving)

    @cached_property
    def _fixed(self) -> list[bytes] | None:
        """Return all that a plan follows from but the reading."""
        name, directory = self._prepared.fingerprint(), self._space.directory
        if name is None:
            return None
        # Blueprints ignore the tag that names the operation; the catalogue makes sure of it.
        variables = directory.variables_bytes().replace(self._claim.operation_id.encode(), b"")
        moving = {kind: sorted(names) for kind, names in self._space.moving.items()}
        return [
            json.dumps([name, self._space.configuration, moving], sort_keys=True).encode(),
            variables,
            directory.state_bytes() or b"",
        ]
