"""Ask a cloud whether it accepts the credentials of an account.

One small adapter for each cloud that can be asked cheaply; a cloud without one is honest about it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.clouds import aws, azure, gcp, sandbox
from app.clouds.login import CloudLogin


@dataclass(frozen=True)
class CheckResult:
    """What a check found: ``is_good`` is nothing when the cloud cannot be asked."""

    is_good: bool | None
    detail: str


Check = Callable[[CloudLogin, str], str | None]
"""Takes a login and a region, and returns what is wrong with the credentials, or nothing."""

CHECKS: Mapping[str, Check] = {
    "aws": aws.find_fault,
    "azure": azure.find_fault,
    "gcp": gcp.find_fault,
    "sandbox": sandbox.find_fault,
}


def check_credentials(cloud: str, login: CloudLogin, region: str) -> CheckResult:
    """Return whether the cloud accepts the credentials now, asked in its own ``region``."""
    check = CHECKS.get(cloud)
    if check is None:
        return CheckResult(None, "This cloud offers no check; the first plan will tell.")
    fault = check(login, region)
    return CheckResult(fault is None, fault or "The cloud accepts the credentials.")
