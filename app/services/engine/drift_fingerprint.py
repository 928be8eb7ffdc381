"""The fingerprint of all that a check follows from: when it is as it was, so is the result.

A plan follows from the configuration, the recorded state and what the provider reads. When all of
it is as it was when Terraform last compared them, Terraform would find the same again; any doubt
means that Terraform checks. What follows from no reading of the stack's resources is not seen:
what data sources look up, and the time of day. ``LANDFORM_DRIFT_FULL_SECONDS`` says how long that
may stay unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from app import exact_json
from app.crypto import KeyRing
from app.domain.plain_words import counted
from app.domain.state_file import StateFile
from app.services.engine.stack_provider import StackProvider
from app.storage.prepared_init import PreparedInit
from app.storage.run_files import RunFiles
from app.terraform.provider_lease import ProviderLease
from app.terraform.provider_reading import RecordedResource, readable_resources

PURPOSE = "drift baseline"
READ_SECONDS = 60.0


@dataclass(frozen=True)
class CheckInputs:
    """All from which a check of a stack follows but reality, and what to ask the provider about it.

    Args:
        resources: everything in the state of record.
        fixed: the configuration, the values, the programs, what was agreed and the state, one
            after the other.
    """

    resources: tuple[RecordedResource, ...]
    fixed: bytes = field(repr=False)

    @classmethod
    def of(
        cls,
        operation_id: str,
        provider: StackProvider,
        files: RunFiles,
        prepared: PreparedInit,
        agreed: str,
    ) -> CheckInputs | None:
        """Return the inputs of a check, or None where only Terraform can make it.

        Args:
            operation_id: of the check.
            provider: of the stack.
            files: with which Terraform would be started.
            prepared: what ``init`` makes of them.
            agreed: digest of what was agreed where the state says otherwise.
        """
        name = prepared.fingerprint()
        if provider.kept is None or files.state is None or name is None:
            return None
        state = StateFile.parse(files.state)
        resources = readable_resources(state, provider.kept.source, provider.moving)
        if resources is None:
            return None
        # Blueprints ignore the tag that names the operation; the catalog makes sure of it.
        variables = files.variables.replace(operation_id.encode(), b"")
        moving = {kind: sorted(names) for kind, names in provider.moving.items()}
        known = [name, provider.configuration, moving, agreed]
        words = exact_json.dumps(known, sort_keys=True).encode()
        return cls(resources, b"\0".join([words, variables, files.state]))

    def fingerprint(
        self, keys: KeyRing, lease: ProviderLease, seconds: float, on_poll: Callable[[], None]
    ) -> str | None:
        """Have the provider read everything; return its fingerprint, or None without an answer.

        Args:
            keys: of the installation.
            lease: a provider; only one that Terraform has configured can answer.
            seconds: how long it may take.
            on_poll: called several times a second meanwhile; an exception ends it.
        """
        if not lease.is_configured:
            return None
        reading = lease.read(self.resources, min(READ_SECONDS, seconds), on_poll)
        if reading is None:
            return None
        # Keyed: a plain digest of a state would let guesses of its secrets be tried.
        return keys.sign(b"\0".join([self.fixed, reading.encode()]), PURPOSE)[1]

    @property
    def in_words(self) -> str:
        """Say how many resources are read."""
        count = len(self.resources)
        return f"{counted(count, 'resource')} {'reads' if count == 1 else 'read'}"
