"""The proof that Terraform would find again what it found last: what it is of, and how it is made.

A plan follows from the configuration, the recorded state and what the provider reads. When all of
it is as it was when Terraform last compared them, Terraform would find the same again; any doubt
means that Terraform checks. What follows from no reading of the stack's resources is not seen:
what data sources look up, and the time of day. ``LANDFORM_DRIFT_FULL_SECONDS`` says how long that
may stay unseen.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from app.crypto import KeyRing
from app.domain.state_file import StateFile
from app.services.engine.stack_provider import StackProvider
from app.storage.prepared_init import PreparedInit
from app.storage.run_files import RunFiles
from app.terraform.provider_loan import Loan
from app.terraform.provider_reading import RecordedResource, readable_resources

PURPOSE = "drift baseline"
READ_SECONDS = 60.0


@dataclass(frozen=True)
class Basis:
    """All from which a check of a stack follows but reality, and what to ask the provider about it.

    Args:
        resources: everything in the state of record.
        fixed: the configuration, the values, the programs and the state, one after the other.
    """

    resources: tuple[RecordedResource, ...]
    fixed: bytes = field(repr=False)

    @classmethod
    def of(
        cls, operation_id: str, provider: StackProvider, files: RunFiles, prepared: PreparedInit
    ) -> Basis | None:
        """Return the basis of a check, or None where only Terraform can make it.

        Args:
            operation_id: of the check.
            provider: of the stack.
            files: with which Terraform would be started.
            prepared: what ``init`` makes of them.
        """
        name = prepared.fingerprint()
        if provider.kept is None or files.state is None or name is None:
            return None
        state = StateFile.parse(files.state)
        resources = readable_resources(state, provider.kept.source, provider.moving)
        if resources is None:
            return None
        # Blueprints ignore the tag that names the operation; the catalogue makes sure of it.
        variables = files.variables.replace(operation_id.encode(), b"")
        moving = {kind: sorted(names) for kind, names in provider.moving.items()}
        words = json.dumps([name, provider.configuration, moving], sort_keys=True).encode()
        return cls(resources, b"\0".join([words, variables, files.state]))

    def proof(
        self, keys: KeyRing, loan: Loan, seconds: float, on_poll: Callable[[], None]
    ) -> str | None:
        """Have the provider read everything; return the proof of that, or None without an answer.

        Args:
            keys: of the installation.
            loan: a provider; only one that Terraform has configured can answer.
            seconds: how long it may take.
            on_poll: called several times a second meanwhile; an exception ends it.
        """
        if not loan.is_configured:
            return None
        reading = loan.read(self.resources, min(READ_SECONDS, seconds), on_poll)
        if reading is None:
            return None
        # Keyed: a plain digest of a state would let guesses of its secrets be tried.
        return keys.sign(b"\0".join([self.fixed, reading.encode()]), PURPOSE)[1]

    @property
    def in_words(self) -> str:
        """Say how many resources are read."""
        count = len(self.resources)
        return "1 resource reads" if count == 1 else f"{count} resources read"
