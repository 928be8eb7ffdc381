"""The errors of a Terraform state: not valid, damaged, of another stack, or too old."""

from __future__ import annotations

from app.errors import LandformError


class StateError(LandformError):
    """Base of everything that can be wrong with a Terraform state."""

    code = "state_invalid"
    title = "The Terraform state is not valid"
    advice = "Nothing was overwritten. Inspect the state versions of the stack."


class StateCorruptError(StateError):
    code = "state_corrupt"
    title = "The stored state does not match its checksum"
    advice = "Do not apply. Restore the volume or roll back to an earlier state version."


class StateLineageError(StateError):
    code = "state_lineage_mismatch"
    title = "The state belongs to another stack"


class StateSerialError(StateError):
    code = "state_serial_regressed"
    title = "The state is older than the one recorded"
