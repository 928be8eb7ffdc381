"""Owns the wait until a new resource is available. Must not touch state or diagnostics."""

from __future__ import annotations

import time
from threading import Event

from sandbox.provider.client import CloudClient, CloudResource

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 2.0


class WaitError(Exception):
    """The resource exists, but is not known to be available."""


class WaitTimeoutError(WaitError):
    """The time allowed has passed."""


class WaitInterruptedError(WaitError):
    """Terraform asked the provider to stop."""


def wait_until_available(
    client: CloudClient, resource: CloudResource, timeout_seconds: float, stop: Event
) -> None:
    """Poll, with growing pauses, until the resource is available.

    Raises:
        WaitTimeoutError, WaitInterruptedError: it is still `creating`.
        CloudError, CloudUnreachableError: polling failed.
    """
    deadline = time.monotonic() + timeout_seconds
    pause_seconds = FIRST_PAUSE_SECONDS
    while resource.status != "available":
        remaining_seconds = deadline - time.monotonic()
        if remaining_seconds <= 0:
            raise WaitTimeoutError
        if stop.wait(min(pause_seconds, remaining_seconds)):
            raise WaitInterruptedError
        pause_seconds = min(pause_seconds * 1.5, LONGEST_PAUSE_SECONDS)
        resource = client.get(resource.id)
