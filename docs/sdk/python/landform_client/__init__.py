"""The client of Landform's REST API.

Names are loaded when they are first used, so that a command that needs none of them starts fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from landform_client.version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from landform_client.answers import (
        DONE,
        FAILED,
        Accepted,
        DriftReport,
        Event,
        Kind,
        Operation,
        Stack,
    )
    from landform_client.client import Landform, awaits_approval
    from landform_client.errors import (
        ChangedMeanwhileError,
        ConflictError,
        ForbiddenError,
        InvalidRequestError,
        LandformError,
        NotFoundError,
        NotSignedInError,
        OperationFailedError,
        ProblemError,
        TooManyRequestsError,
        UnavailableError,
        UnreachableError,
        WaitTimeoutError,
    )
    from landform_client.events import Message
    from landform_client.sign_in import FixedToken, Session, SignIn
    from landform_client.transport import Answer, Retry

__all__ = [
    "DONE",
    "FAILED",
    "Accepted",
    "Answer",
    "ChangedMeanwhileError",
    "ConflictError",
    "DriftReport",
    "Event",
    "FixedToken",
    "ForbiddenError",
    "InvalidRequestError",
    "Kind",
    "Landform",
    "LandformError",
    "Message",
    "NotFoundError",
    "NotSignedInError",
    "Operation",
    "OperationFailedError",
    "ProblemError",
    "Retry",
    "Session",
    "SignIn",
    "Stack",
    "TooManyRequestsError",
    "UnavailableError",
    "UnreachableError",
    "WaitTimeoutError",
    "__version__",
    "awaits_approval",
]

_MODULES = ("errors", "answers", "client", "events", "sign_in", "transport")


def __getattr__(name: str) -> object:
    """Load the module that has ``name``."""
    if name in __all__:
        for module in _MODULES:
            loaded = importlib.import_module(f"landform_client.{module}")
            if hasattr(loaded, name):
                return getattr(loaded, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
