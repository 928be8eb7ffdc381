"""What the processes of a host may do. A fleet shares the roles out among its hosts."""

from __future__ import annotations

from enum import StrEnum

from app.errors import ConfigurationError


class HostRole(StrEnum):
    """What the processes of an instance do."""

    WEB = "web"
    WORKER = "worker"
    AGENT = "agent"
    SCHEDULER = "scheduler"


ALL_ROLES = frozenset(HostRole)
"""Those of the one host of a small installation."""


def parse_roles(text: str) -> frozenset[HostRole]:
    """Return the roles that a person named, separated by commas.

    Raises:
        ConfigurationError: there is no such role, or none was named.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    known = {role.value for role in HostRole}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        told = f"there is no role {unknown[0][:40]!r}" if unknown else "no role is named"
        raise ConfigurationError(
            f"--roles: {told}; give some of {', '.join(role.value for role in HostRole)}, "
            "separated by commas."
        )
    return frozenset(HostRole(name) for name in names)
