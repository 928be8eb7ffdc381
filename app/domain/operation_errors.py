"""The errors that end an operation, or the part that one worker has in it."""

from __future__ import annotations

from app.errors import LandformError


class OperationCanceledError(LandformError):
    """Raised inside the engine to unwind an operation that a person canceled."""

    code = "operation_canceled"
    title = "The operation was canceled"
    advice = "Start it again when you want it to go on."


class OperationDeadlineError(LandformError):
    """Terraform did not end in time and was stopped; state holds what was done until then."""

    code = "operation_deadline"
    title = "The operation took longer than allowed"
    advice = "Look at what was done so far, raise the timeout if need be, and start it again."


class UnsavedStateError(LandformError):
    """Terraform ended but its state could not be promoted; the run directory holds it."""

    code = "state_unsaved"
    title = "The new state is not on the volume yet"
    advice = "Nothing is lost: Landform saves it by itself once the volume can be written again."


class FenceLostError(LandformError):
    """This process no longer owns the operation; it must write nothing more.

    ``grace_seconds``: Terraform may take so long to stop, because the new owner begins soon.
    """

    grace_seconds = 10.0
    code = "fence_lost"
    title = "Another worker owns this operation now"
    advice = "Nothing to do: the operation goes on in its new owner."
