"""The URL of a webhook: which ones are accepted, and what is asked of whom.

Strict on purpose: programs disagree about what an odd URL means, and whoever checks must read it as
whoever connects does. So only plain ones pass, in ASCII, as they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

from app.domain.addresses import Network, refusal_of

MAX_URL = 2000
PORTS = {"http": 80, "https": 443}
FIRST_FREE_PORT = 1024
"""Below it other protocols listen, which may take a request for something of theirs."""

_PLAIN = re.compile(r"[!-~]+")
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


@dataclass(frozen=True)
class Target:
    """Where a request goes: ``path`` is what follows the authority, with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_encrypted(self) -> bool:
        """Whether it is HTTPS."""
        return self.scheme == "https"


def parse_target(url: str, allowed: Sequence[Network] = ()) -> Target:
    """Read the URL of a webhook.

    Args:
        url: as somebody gave it.
        allowed: networks to which an address in the URL may belong although it is not public.

    Raises:
        ValueError: it is not accepted; the message says why in one sentence.
    """
    if not 0 < len(url) <= MAX_URL:
        raise ValueError(f"The URL must have 1 to {MAX_URL} characters.")
    if not _PLAIN.fullmatch(url) or "\\" in url:
        raise ValueError("The URL must be plain ASCII without spaces or backslashes.")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("The address in brackets is not one of IPv6.") from error
    if parts.scheme not in PORTS or not url.lower().startswith(f"{parts.scheme}://"):
        raise ValueError("The URL must begin with https:// or http://.")
    if "@" in parts.netloc:
        raise ValueError("The URL must not hold a user name or a password.")
    if "#" in url:
        raise ValueError("The URL must not have a fragment: it would not be sent.")
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if authority is None:
        raise ValueError("The URL must have a host name or an address, and a port if need be.")
    host = _check_host(authority[1].lower(), allowed)
    port = _check_port(authority[2], PORTS[parts.scheme])
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def _check_port(text: str | None, default: int) -> int:
    port = default if text is None else int(text)
    is_web = port in PORTS.values() or FIRST_FREE_PORT <= port <= 65535
    if not is_web:
        raise ValueError(f"The port must be 80, 443, or from {FIRST_FREE_PORT} to 65535.")
    return port


def _check_host(host: str, allowed: Sequence[Network]) -> str:
    """Return the host name, or the address in its usual form; refuse what is not public."""
    bare = host.strip("[]")
    if host.startswith("["):
        address = str(_parse(IPv6Address, bare))
    elif _NUMBER.fullmatch(bare.rpartition(".")[2]):
        address = str(_parse(IPv4Address, bare))  # others read 127.1, 0x7f.1 and 2130706433 too
    else:
        if len(bare) > 253 or not all(map(_LABEL.fullmatch, bare.split("."))):
            raise ValueError("The host name is not one that DNS knows; leave a last dot out.")
        return bare
    reason = refusal_of(address, allowed)
    if reason is not None:
        raise ValueError(f"Nothing is sent to {address}: it is {reason}.")
    return address


def _parse(kind: type[IPv4Address] | type[IPv6Address], text: str) -> IPv4Address | IPv6Address:
    try:
        return kind(text)
    except ValueError as error:
        raise ValueError("The address is not written as addresses usually are.") from error
