"""Where a request really comes from, when proxies in front of Landform say so.

Only proxies listed in ``LANDFORM_TRUSTED_PROXIES`` are believed; from everybody else the headers
mean nothing. Everything behind this reads ``REMOTE_ADDR``, as if there were no proxy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
SCHEMES = ("http", "https")


class TrustedProxies:
    """WSGI middleware that takes client address and scheme from trusted proxies' headers."""

    def __init__(self, application: WsgiApp, networks: tuple[Network, ...]) -> None:
        """Believe proxies in ``networks``; with none, believe nobody."""
        self._application = application
        self._networks = networks

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Correct the environment of one request and hand it on."""
        peer = read_address(environ.get("REMOTE_ADDR", ""))
        if peer is not None and self._is_trusted(peer):
            client = self._client(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
            environ["REMOTE_ADDR"] = str(client)
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in SCHEMES:
                environ["wsgi.url_scheme"] = scheme
        return self._application(environ, start_response)

    def _client(self, peer: Address, forwarded: str) -> Address:
        """Return the last address that a trusted proxy saw and that is no trusted proxy.

        Read from the right: what stands further left was written by whoever sent the request.
        """
        client = peer
        for part in reversed(forwarded.split(",")):
            found = read_address(part)
            if found is None:
                return client
            client = found
            if not self._is_trusted(client):
                return client
        return client

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def read_address(text: str) -> Address | None:
    """Return the address that ``text`` is, perhaps with a port, or nothing."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
