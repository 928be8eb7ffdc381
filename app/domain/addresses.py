"""Which addresses a webhook may be sent to: the public Internet, and networks that were allowed.

Whoever may register a webhook makes Landform send requests. They must not reach what only Landform
can reach: its host, its network, the metadata service of its cloud (OWASP, server-side request
forgery). The list follows the IANA registries of special-purpose addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORBIDDEN_V4 = {
    "0.0.0.0/8": "an unspecified address",
    "10.0.0.0/8": "a private address",
    "100.64.0.0/10": "an address of a carrier's own network",
    "127.0.0.0/8": "a loopback address",
    "169.254.0.0/16": "a link-local address, as of metadata services",
    "172.16.0.0/12": "a private address",
    "192.0.0.0/24": "a reserved address",
    "192.0.2.0/24": "an address for documentation",
    "192.88.99.0/24": "an address of a 6to4 relay",
    "192.168.0.0/16": "a private address",
    "198.18.0.0/15": "an address for benchmarks",
    "198.51.100.0/24": "an address for documentation",
    "203.0.113.0/24": "an address for documentation",
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved address",
    "168.63.129.16/32": "an address of a metadata service",
}
_FORBIDDEN_V6 = {
    "2001::/23": "a reserved address",
    "2001:db8::/32": "an address for documentation",
    "2002::/16": "a 6to4 address",
    "3fff::/20": "an address for documentation",
}
_GLOBAL_V6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_FORBIDDEN: list[tuple[Network, str]] = [
    (ip_network(text), reason) for text, reason in (_FORBIDDEN_V4 | _FORBIDDEN_V6).items()
]


_METADATA = frozenset(
    ip_address(text)
    for text in (
        "100.100.100.200",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "fd00:ec2::23",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)
"""Where clouds tell a machine its credentials: no network that is allowed means one of these."""

PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)
"""Where an operator of the host may well have services of their own."""


def refusal_of(text: str, allowed: Sequence[Network] = ()) -> str | None:
    """Say why nothing may be sent to an address, or nothing when it may.

    Args:
        text: an IPv4 or IPv6 address, as a resolver gives it.
        allowed: networks that were allowed although they are not public. A metadata service must
            be named by its very address.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return "no address"
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "an address of one link only"
    meant = _embedded(address) or address
    if meant in _METADATA:
        named = [network for network in allowed if network.num_addresses == 1]
        is_named = any(_contains(network, meant) for network in named)
        return None if is_named else "an address of a metadata service"
    if any(_contains(network, item) for network in allowed for item in (address, meant)):
        return None
    return _forbidden_because(meant)


def _forbidden_because(address: Address) -> str | None:
    for network, reason in _FORBIDDEN:
        if _contains(network, address):
            return reason
    is_odd = isinstance(address, IPv6Address) and address not in _GLOBAL_V6
    return "not a public address" if is_odd else None


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to an IPv6 address really go to."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _contains(network: Network, address: Address) -> bool:
    return network.version == address.version and address in network
