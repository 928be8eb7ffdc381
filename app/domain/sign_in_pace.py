"""How failed sign-ins slow the next ones down: some are free, then the waits double up to a limit.

Failures of passwords count for where they come from, never for a name alone: nobody can keep a
person out from elsewhere by failing in that person's name. Pure rules.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import timedelta

# A network of this size is one customer's: an attacker has all of its addresses.
IPV6_PREFIX = 64


@dataclass(frozen=True)
class SignInPace:
    """After ``free`` failures in a row each further one doubles the wait, up to ``longest``."""

    free: int
    longest: timedelta
    memory: timedelta

    def wait_after(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures."""
        beyond = failures - self.free
        if beyond <= 0:
            return timedelta(0)
        doublings = min(beyond - 1, 30)  # far beyond any limit, and no overflow
        return min(timedelta(seconds=2**doublings), self.longest)


OF_PAIR = SignInPace(free=5, longest=timedelta(minutes=15), memory=timedelta(hours=1))
"""One name from one address: a person who has forgotten the password, or somebody guessing it."""

OF_ADDRESS = SignInPace(free=50, longest=timedelta(minutes=1), memory=timedelta(hours=1))
"""All names from one address: an office behind one router, or somebody trying names."""

OF_FACTOR = SignInPace(free=5, longest=timedelta(hours=1), memory=timedelta(days=1))
"""Codes of one person's second factor, from anywhere: who gets so far knows the password."""


def origin_of(address: str | None) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed, IPV6_PREFIX), strict=False))
