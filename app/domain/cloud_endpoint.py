"""The endpoint of a cloud account: which ones are accepted, and to which addresses they may lead.

Judged as webhooks are, with two differences. An operator of the host may vouch for an endpoint,
which may then be internal. And a name must be HTTPS: Terraform's provider resolves it once more by
itself, and only a certificate proves that it still talks to whoever has the name.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from app.domain.addresses import Network
from app.domain.webhook_target import Target, parse_target

EVERYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True)
class EndpointRules:
    """What the operator of the host allows endpoints to be.

    Args:
        networks: those to which an endpoint may lead although they are not public.
        vouched: endpoints that may lead anywhere, and may be given what a file of the host holds.
    """

    networks: Sequence[Network] = ()
    vouched: Set[str] = frozenset()

    def is_vouched(self, endpoint: str) -> bool:
        """Whether the operator of the host names this very endpoint."""
        return canonical(endpoint) in self.vouched

    def networks_of(self, endpoint: str) -> Sequence[Network]:
        """Return the networks to which this endpoint may lead although they are not public."""
        return EVERYWHERE if self.is_vouched(endpoint) else self.networks

    def check(self, endpoint: str) -> Target:
        """Read an endpoint; DNS is not asked.

        Raises:
            ValueError: it is not accepted; the message says why, without the endpoint.
        """
        target = parse_target(endpoint, self.networks_of(endpoint))
        if "?" in endpoint:
            raise ValueError("An endpoint must not have a query.")
        is_safe = target.is_encrypted or _is_address(target.host)
        if not is_safe and not self.is_vouched(endpoint):
            raise ValueError("An endpoint with a host name must begin with https://.")
        return target


def canonical(endpoint: str) -> str:
    """Return an endpoint as it is compared with another: without the slash at its end."""
    return endpoint.rstrip("/")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
